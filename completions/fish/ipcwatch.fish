# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c ipcwatch -f -a "(__ipcutils_offer)"
