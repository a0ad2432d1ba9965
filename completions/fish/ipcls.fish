# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c ipcls -f -a "(__ipcutils_offer)"
