// SPDX-License-Identifier: MIT
// semrm - remove semaphores.
#include "remove_command.hpp"

ipc::Result<int> ipc::run(ipc::Command &command)
{
    return run_remove(command, semaphore_family,
                      "  semrm posix:/gate sysv:id=3\n"
                      "  semrm 'posix:/test-*'\n"
                      "  semrm --owner build --older-than 1d --dry-run\n");
}
