// SPDX-License-Identifier: MIT
// mqrm - remove queues.
#include "remove_command.hpp"

ipc::Result<int> ipc::run(ipc::Command &command)
{
    return run_remove(command, queue_family,
                      "  mqrm posix:/jobs sysv:id=3\n"
                      "  mqrm 'posix:/test-*'\n"
                      "  mqrm --owner build --older-than 1d --dry-run\n");
}
