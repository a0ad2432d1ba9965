// SPDX-License-Identifier: MIT
// semmk - create a semaphore.
#include "command.hpp"
#include "interruption.hpp"
#include "ownership.hpp"
#include "reuse.hpp"
#include "semaphore.hpp"

namespace {

constexpr std::string_view examples = "  semmk posix:/gate\n"
                                      "  semmk sysv:0x51e 4 -m 0660 --group video\n"
                                      "  semaphore=$(semmk sysv:private 0)\n";

struct Request {
    ipc::Address address;
    std::optional<std::string> value;
    ipc::Ownership ownership;
    bool reuse = false;
    bool verbose = false;
};

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Request request;
    command.describe("Create a semaphore and print its address.", examples);
    command.argument("ADDRESS", request.address, semaphore_family, "the semaphore to create, such as posix:/name");
    command.argument("[VALUE]", request.value, "how many may pass before the first has to wait (default 1)");
    declare_ownership(command, request.ownership);
    command.flag("reuse", request.reuse, "accept an existing semaphore that has what is asked for; its value stays");
    command.flag("verbose,v", request.verbose, "say on standard error what was done");
    IPC_TRY(command.parse());
    const std::int64_t value = request.value ? IPC_TRY(parse_integer(*request.value, 0, INT64_MAX)) : 1;

    catch_interruptions();
    Result<Semaphore> semaphore =
        Semaphore::create(request.address, Purpose::count, std::uint64_t(value), request.ownership);
    const bool exists = !semaphore && semaphore.error().code() == EEXIST;
    if (exists && request.reuse)
        semaphore = reuse_semaphore(request.address, request.value ? std::uint64_t(value) : 0, request.ownership);
    if (!semaphore)
        return semaphore.error();
    const std::string address = semaphore->address().text();
    if (request.verbose) {
        const ipc_semaphore_status status = IPC_TRY(semaphore->status());
        command.note(fmt::format("{} {} with value {}", exists ? "reused" : "created", address,
                                 status.value == IPC_UNKNOWN ? "?" : fmt::to_string(status.value)));
    }
    if (Result<void> printed = print_and_check(address + "\n"); !printed) {
        if (!exists) // nobody would know of it
            (void)semaphore->remove();
        return printed.error();
    }
    return status::done;
}
