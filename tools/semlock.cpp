// SPDX-License-Identifier: MIT
// semlock - run a command while a semaphore is locked, or when enough others are ready.
#include "child_process.hpp"
#include "command.hpp"
#include "execution.hpp"
#include "interruption.hpp"
#include "ownership.hpp"
#include "semaphore.hpp"
#include "wait_options.hpp"

#include <unistd.h>

namespace {

constexpr std::string_view examples = "  semlock posix:/gate -- make install\n"
                                      "  semlock -n posix:/backup -- backup || echo busy\n"
                                      "  semlock --slots 4 sysv:0x51e -- sh -c 'convert on $IPC_SLOT'\n"
                                      "  semlock --barrier 3 -w 10 sysv:0x51f -- benchmark\n";

struct Request {
    ipc::Address address;
    ipc::WaitOptions wait;
    ipc::Ownership ownership;
    std::uint64_t slots = 0; // 0: one where it is missing, else however many it has
    std::uint64_t barrier = 0;
    bool shared = false;
    std::vector<std::string> program;
};

void declare(ipc::Command &command, Request &request)
{
    const auto number_of = [](std::uint64_t &variable) {
        return [&variable](std::string_view text) -> ipc::Result<void> {
            variable = std::uint64_t(IPC_TRY(ipc::parse_integer(text, 1, INT64_MAX)));
            return {};
        };
    };
    command.describe("Run a command while a semaphore is locked, one at a time over all shells; end with its status.",
                     examples);
    command.argument("ADDRESS", request.address, ipc::semaphore_family,
                     "the semaphore, such as posix:/name; made if it is missing");
    request.wait.declare(command, "while others have it locked");
    command.option("slots", "N", "let N commands run at a time, each with its number from 1 on in IPC_SLOT",
                   ipc::Complete::nothing, number_of(request.slots));
    command.flag("shared", request.shared, "let it run together with others that are shared, and with no other");
    command.option("barrier", "N", "lock nothing, but wait until N processes have come, then all go",
                   ipc::Complete::nothing, number_of(request.barrier));
    ipc::declare_ownership(command, request.ownership);
    command.program("[-- COMMAND [ARGUMENT...]]", request.program,
                    "run this command; only with --barrier it may be left out");
}

ipc::Result<void> check(const Request &request)
{
    if (request.barrier && (request.slots || request.shared))
        return ipc::usage_error("--barrier excludes --slots and --shared (it locks nothing)");
    if (request.slots && request.shared)
        return ipc::usage_error("--slots and --shared exclude each other (any number may share)");
    if (!request.barrier && request.program.empty())
        return ipc::usage_error("a command to run is missing (write -- COMMAND [ARGUMENT...] at the end)");
    return {};
}

ipc::Result<ipc::Semaphore> open(const Request &request)
{
    if (request.barrier)
        return ipc::Semaphore::open_or_create(request.address, ipc::Purpose::meet, request.barrier, request.ownership);
    const std::uint64_t slots = request.slots ? request.slots : 1;
    return ipc::Semaphore::open_or_create(request.address, ipc::Purpose::lock, slots, request.ownership);
}

/// This process waits as long as the command runs, and the lock with it.
ipc::Result<int> run_locked(ipc::Semaphore semaphore, const Request &request, std::uint64_t slot)
{
    const ipc::Environment environment = {{"IPC_ADDRESS", semaphore.address().text()},
                                          {"IPC_SLOT", slot ? std::optional(fmt::to_string(slot)) : std::nullopt}};
    const bool is_inherited = semaphore.features() & IPC_SEMAPHORE_INHERITED;
    ipc::ChildProcess command;
    IPC_TRY(command.start(
        request.program, environment, [&] { return semaphore.entrust(getpid()); },
        is_inherited ? ipc::Keep::resources : ipc::Keep::nothing));
    const ipc::ChildEnd end = IPC_TRY(command.wait());
    if (is_inherited)
        semaphore.close(); // which leaves it to whom the command has handed it on
    else
        IPC_TRY(semaphore.unlock());
    ipc::end_by_signal(end.signal);
    return end.status;
}

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Request request;
    declare(command, request);
    IPC_TRY(command.parse());
    IPC_TRY(check(request));
    const std::int64_t timeout = IPC_TRY(request.wait.timeout());

    catch_interruptions();
    Semaphore semaphore = IPC_TRY(open(request));
    if (request.barrier) {
        if (const Result<void> met = semaphore.meet(request.barrier, timeout); !met)
            return request.wait.end(met.error());
        if (request.program.empty())
            return status::done;
        return execute(request.program, {{"IPC_ADDRESS", semaphore.address().text()}});
    }
    const Result<std::uint64_t> slot = semaphore.lock(request.slots, request.shared, timeout);
    if (!slot)
        return request.wait.end(slot.error());
    return run_locked(std::move(semaphore), request, slot.value());
}
