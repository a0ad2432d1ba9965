// SPDX-License-Identifier: MIT
// sempost - raise a semaphore, and let those go who wait for that.
#include "command.hpp"
#include "semaphore.hpp"

namespace {

constexpr std::string_view examples = "  sempost posix:/ready\n"
                                      "  sempost -c 3 sysv:0x51e\n";

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Address address;
    std::uint64_t count = 1;
    command.describe("Raise the value of a semaphore, which wakes those who wait for it.", examples);
    command.argument("ADDRESS", address, semaphore_family, "the semaphore, such as posix:/name");
    command.option("count,c", "N", "raise it by N (default 1)", Complete::nothing,
                   [&](std::string_view text) -> Result<void> {
                       count = std::uint64_t(IPC_TRY(parse_integer(text, 1, INT64_MAX)));
                       return {};
                   });
    IPC_TRY(command.parse());

    Semaphore semaphore = IPC_TRY(Semaphore::open(address));
    IPC_TRY(semaphore.post(count));
    return status::done;
}
