# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c shmmk -f -a "(__ipcutils_offer)"
