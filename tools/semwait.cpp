// SPDX-License-Identifier: MIT
// semwait - lower a semaphore, waiting until that is possible.
#include "command.hpp"
#include "interruption.hpp"
#include "semaphore.hpp"
#include "wait_options.hpp"

namespace {

constexpr std::string_view examples = "  semwait posix:/ready\n"
                                      "  semwait sysv:0x51e -c 3 -w 2.5\n"
                                      "  semwait -n posix:/gate || echo busy\n"
                                      "  semwait --zero sysv:0x51e?index=2\n";

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Address address;
    std::optional<std::uint64_t> count;
    bool zero = false;
    WaitOptions wait;
    command.describe("Lower the value of a semaphore, waiting until it is large enough.", examples);
    command.argument("ADDRESS", address, semaphore_family, "the semaphore, such as posix:/name");
    command.option("count,c", "N", "lower it by N, all at once (default 1)", Complete::nothing,
                   [&](std::string_view text) -> Result<void> {
                       count = std::uint64_t(IPC_TRY(parse_integer(text, 1, INT64_MAX)));
                       return {};
                   });
    command.flag("zero", zero, "wait until the value is 0, and change nothing");
    wait.declare(command, "while the value is too small");
    IPC_TRY(command.parse());
    if (zero && count)
        return usage_error("--zero and --count exclude each other (--zero takes nothing)");
    const std::int64_t timeout = IPC_TRY(wait.timeout());

    catch_interruptions();
    Semaphore semaphore = IPC_TRY(Semaphore::open(address));
    const Result<void> done = zero ? semaphore.wait_zero(timeout) : semaphore.wait(count.value_or(1), timeout);
    if (!done)
        return wait.end(done.error());
    return status::done;
}
