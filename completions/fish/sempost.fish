# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c sempost -f -a "(__ipcutils_offer)"
