# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c shmcat -f -a "(__ipcutils_offer)"
