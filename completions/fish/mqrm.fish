# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c mqrm -f -a "(__ipcutils_offer)"
