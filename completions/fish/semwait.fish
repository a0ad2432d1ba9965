# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c semwait -f -a "(__ipcutils_offer)"
