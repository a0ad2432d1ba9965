# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c semrm -f -a "(__ipcutils_offer)"
