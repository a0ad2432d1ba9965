// SPDX-License-Identifier: MIT
#include "command.hpp"
#include "inherited_signals.hpp"
#include "interruption.hpp"
#include "memory_reserve.hpp"

#include <fcntl.h>

#include <cstdlib>

/// Of the leak sanitizer, where a build has it.
extern "C" [[gnu::weak]] void __lsan_do_leak_check(); // NOLINT(bugprone-reserved-identifier)

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
    ipc::end_without_memory();
    occupy_standard_descriptors();
    ipc::ignore_signal(SIGXFSZ); // a limit on the size of files is an error, as a full disk is
    int status = 0;
    {
        ipc::Command command(count, words);
        status = ipc::run_command(command);
    }
    if (__lsan_do_leak_check)
        __lsan_do_leak_check();
    ipc::die_if_asked_to();
    // All is written and closed. Going through the destructors of every library would only touch pages of each once
    // more, which is a fifteenth of a short command's whole time.
    std::_Exit(status);
}
