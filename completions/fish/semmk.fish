# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c semmk -f -a "(__ipcutils_offer)"
