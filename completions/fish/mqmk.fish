# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c mqmk -f -a "(__ipcutils_offer)"
