# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c shmword -f -a "(__ipcutils_offer)"
