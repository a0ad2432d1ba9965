# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c semlock -f -a "(__ipcutils_offer)"
