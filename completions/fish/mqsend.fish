# SPDX-License-Identifier: MIT
source (status dirname)/ipcutils.fish
complete -c mqsend -f -a "(__ipcutils_offer)"
