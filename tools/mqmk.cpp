// SPDX-License-Identifier: MIT
// mqmk - create a message queue.
#include "command.hpp"
#include "interruption.hpp"
#include "ownership.hpp"
#include "queue.hpp"
#include "reuse.hpp"

namespace {

constexpr std::string_view examples = "  mqmk posix:/jobs --max-messages 100 --max-size 1K\n"
                                      "  mqmk sysv:0x51e -m 0660 --group video\n"
                                      "  queue=$(mqmk sysv:private)\n";

struct Request {
    ipc::Address address;
    std::uint64_t max_messages = 0, max_size = 0; // 0: the mechanism's default
    ipc::Ownership ownership;
    bool reuse = false;
    bool verbose = false;
};

std::string description(const ipc_queue_status &status)
{
    std::string text = fmt::format("messages of up to {} bytes", status.max_message_size);
    if (status.max_messages != IPC_UNKNOWN)
        text += fmt::format(", {} of them", status.max_messages);
    if (status.max_bytes != IPC_UNKNOWN)
        text += fmt::format(", {} bytes in all", status.max_bytes);
    return text;
}

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Request request;
    command.describe("Create a message queue and print its address.", examples);
    command.argument("ADDRESS", request.address, queue_family, "the queue to create, such as posix:/name");
    command.option("max-messages", "N", "room for so many messages", Complete::nothing,
                   [&](std::string_view text) -> Result<void> {
                       request.max_messages = std::uint64_t(IPC_TRY(parse_integer(text, 1, INT64_MAX)));
                       return {};
                   });
    command.option("max-size", "BYTES", "room for messages of so many bytes; with a unit: 64K", Complete::nothing,
                   [&](std::string_view text) -> Result<void> {
                       request.max_size = IPC_TRY(parse_size(text));
                       if (!request.max_size)
                           return usage_error("a queue for messages of 0 bytes cannot be made");
                       return {};
                   });
    declare_ownership(command, request.ownership);
    command.flag("reuse", request.reuse, "accept an existing queue that has what is asked for; it stays as it is");
    command.flag("verbose,v", request.verbose, "say on standard error what was done");
    IPC_TRY(command.parse());

    catch_interruptions();
    Result<Queue> queue = Queue::create(request.address, request.max_messages, request.max_size, request.ownership);
    const bool exists = !queue && queue.error().code() == EEXIST;
    if (exists && request.reuse)
        queue = reuse_queue(request.address, request.max_messages, request.max_size, request.ownership);
    if (!queue)
        return queue.error();
    const std::string address = queue->address().text();
    if (request.verbose)
        command.note(
            fmt::format("{} {} for {}", exists ? "reused" : "created", address, description(IPC_TRY(queue->status()))));
    if (Result<void> printed = print_and_check(address + "\n"); !printed) {
        if (!exists) // nobody would know of it
            (void)queue->remove();
        return printed.error();
    }
    return status::done;
}
