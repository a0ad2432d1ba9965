// SPDX-License-Identifier: MIT
#include "command.hpp"

#include <fcntl.h>

namespace {

/// A standard descriptor that the caller has closed would be the number of the next object that is opened, and what is
/// printed would go into it. Such a one is taken by what cannot be written (or, for standard input, read).
void occupy_standard_descriptors()
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

} // namespace

int main(int count, char **words)
{
    occupy_standard_descriptors();
    ipc::Command command(count, words);
    return ipc::run_command(command);
}
