// SPDX-License-Identifier: MIT
#include "reuse.hpp"

#include "error.hpp"
#include "inventory.hpp"

#include <optional>

namespace ipc {
namespace {

template <typename... Arguments>
Error differs(const Address &address, fmt::format_string<Arguments...> format, Arguments &&...arguments)
{
    return located(address.text(), failure(EEXIST, format, std::forward<Arguments>(arguments)...));
}

bool is_asked(const Ownership &ownership)
{
    return ownership.mode_given || ownership.owner >= 0 || ownership.group >= 0;
}

Result<ipc_object> look(const Plugin &plugin, const Address &address)
{
    std::optional<ipc_object> found;
    if (!plugin.inspect())
        return failure(ENOTSUP, "whose it is cannot be seen (leave out -m, --owner and --group)");
    const Address bare = {address.mechanism, address.name, {}};
    const CrossingAddress crossing(bare);
    const ipc_emit_object emit = [](void *context, const ipc_object *emitted) {
        *static_cast<std::optional<ipc_object> *>(context) = complete_record(*emitted);
        return 0;
    };
    IPC_TRY(call(plugin.inspect()->look, crossing.get(), emit, static_cast<void *>(&found)));
    if (!found)
        return failure(ENOENT, "it has gone meanwhile");
    return *found;
}

Result<void> expect_ownership(const Address &address, const Ownership &asked)
{
    if (!is_asked(asked))
        return {};
    const Result<ipc_object> found = look(*IPC_TRY(load_plugin(address.mechanism)), address);
    if (!found)
        return located(address.text(), found.error());
    const ipc_object &object = found.value();
    if (object.mode == IPC_UNKNOWN || object.owner == IPC_UNKNOWN || object.group == IPC_UNKNOWN)
        return differs(address, "exists, and whose it is cannot be seen (leave out -m, --owner and --group)");
    if (asked.mode_given && (object.mode & 0777) != (asked.mode & 0777))
        return differs(address, "exists with mode {:04o}, not the {:04o} wanted (change it, or leave -m out)",
                       object.mode & 0777, asked.mode & 0777);
    if (asked.owner >= 0 && object.owner != std::uint64_t(asked.owner))
        return differs(address, "exists and belongs to user {}, not to {} as wanted (change it, or leave --owner out)",
                       object.owner, asked.owner);
    if (asked.group >= 0 && object.group != std::uint64_t(asked.group))
        return differs(address, "exists and belongs to group {}, not to {} as wanted (change it, or leave --group out)",
                       object.group, asked.group);
    return {};
}

/// Where bytes are limited and not messages: have so many of that size room?
Result<void> expect_room(const Address &address, const ipc_queue_status &status, std::uint64_t messages,
                         std::uint64_t message_size)
{
    const std::uint64_t each = message_size ? message_size : status.max_message_size;
    if (!messages || status.max_messages != IPC_UNKNOWN || status.max_bytes == IPC_UNKNOWN ||
        messages <= status.max_bytes / std::max<std::uint64_t>(each, 1))
        return {};
    return differs(address,
                   "exists for {} bytes in all, fewer than the {} messages of {} bytes wanted (remove it with "
                   "mqrm)",
                   status.max_bytes, messages, each);
}

} // namespace

Result<Segment> reuse_segment(const Address &address, std::uint64_t bytes, const Ownership &ownership)
{
    Segment segment = IPC_TRY(Segment::open(address, Access::both));
    const ipc_segment_status status = IPC_TRY(segment.status());
    if (status.bytes < bytes)
        return differs(address, "exists with {} bytes, fewer than the {} wanted (remove it with shmrm)", status.bytes,
                       bytes);
    (void)IPC_TRY(segment.parts()); // of a mechanism whose segments have a structure, this one too
    IPC_TRY(expect_ownership(address, ownership));
    return segment;
}

Result<Queue> reuse_queue(const Address &address, std::uint64_t max_messages, std::uint64_t max_message_size,
                          const Ownership &ownership)
{
    Queue queue = IPC_TRY(Queue::open(address, Access::both));
    const ipc_queue_status status = IPC_TRY(queue.status());
    if (status.max_messages < max_messages)
        return differs(address, "exists for {} messages, fewer than the {} wanted (remove it with mqrm)",
                       status.max_messages, max_messages);
    if (status.max_message_size < max_message_size)
        return differs(address, "exists for messages of {} bytes, fewer than the {} wanted (remove it with mqrm)",
                       status.max_message_size, max_message_size);
    IPC_TRY(expect_room(address, status, max_messages, max_message_size));
    IPC_TRY(expect_ownership(address, ownership));
    return queue;
}

Result<Semaphore> reuse_semaphore(const Address &address, std::uint64_t most, const Ownership &ownership)
{
    Semaphore semaphore = IPC_TRY(Semaphore::open(address));
    const ipc_semaphore_status status = IPC_TRY(semaphore.status());
    if (status.purpose == IPC_PURPOSE_MEET)
        return differs(address,
                       "exists as a barrier for {}, not as a semaphore (choose another name, or remove it "
                       "with semrm)",
                       status.number);
    if (status.purpose == IPC_PURPOSE_LOCK && (status.number > 1 || most > 1))
        return differs(address,
                       "exists as a lock for {}, not as a semaphore of {} (choose another name, or remove it "
                       "with semrm)",
                       status.number, std::max<std::uint64_t>(most, 1));
    if (most > status.max_value)
        return differs(address, "exists for values up to {}, less than the {} wanted (remove it with semrm)",
                       status.max_value, most);
    IPC_TRY(expect_ownership(address, ownership));
    return semaphore;
}

} // namespace ipc
