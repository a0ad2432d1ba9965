# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c mqrecv -f -a "(__ipcutils_offer)"
