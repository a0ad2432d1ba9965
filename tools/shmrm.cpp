// SPDX-License-Identifier: MIT
// shmrm - remove segments of shared memory.
#include "remove_command.hpp"

ipc::Result<int> ipc::run(ipc::Command &command)
{
    return run_remove(command, segment_family,
                      "  shmrm posix:/frame sysv:0x51e\n"
                      "  shmrm 'posix:/test-*'\n"
                      "  shmrm --orphan --older-than 1d --dry-run\n");
}
