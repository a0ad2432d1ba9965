# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c shmrm -f -a "(__ipcutils_offer)"
