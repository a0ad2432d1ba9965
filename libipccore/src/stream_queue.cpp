// SPDX-License-Identifier: MIT
#include "stream_queue.hpp"

#include "error.hpp"
#include "stream_receiver.hpp"
#include "stream_sender.hpp"

#include <ipc/queue.hpp>

#include <limits>

namespace ipc {
namespace {

/// One of its ends, or neither: what create() made.
class StreamQueue {
public:
    static constexpr std::uint32_t features = 0;

    static Result<std::unique_ptr<StreamQueue>> create(const ipc_address &, std::uint64_t, std::uint64_t,
                                                       const ipc_ownership &)
    {
        return failure(ENOSYS, "made elsewhere");
    }
    static Result<std::unique_ptr<StreamQueue>> open(const ipc_address &, std::uint32_t)
    {
        return failure(ENOSYS, "made elsewhere");
    }

    Result<void> status(ipc_queue_status &status)
    {
        constexpr std::uint64_t largest_prefix = std::numeric_limits<std::uint32_t>::max();
        status.bytes = status.max_messages = status.max_bytes = IPC_UNKNOWN;
        status.max_message_size = receiver ? receiver->largest()
                                  : sender ? largest_prefix
                                           : StreamReceiver::default_largest;
        status.identity = identity;
        status.in_hand = receiver ? receiver->in_hand() : sender ? sender->in_hand() : 0;
        return {};
    }

    Result<void> send(const ipc_message &message, std::int64_t timeout)
    {
        if (!sender)
            return failure(EBADF, "it is not open for sending");
        if (message.fields & IPC_QUEUE_PRIORITY && message.priority != 0)
            return failure(EINVAL, "its messages have no priorities");
        if (message.fields & IPC_QUEUE_TYPE && message.type != 1)
            return failure(EINVAL, "its messages have no types");
        return sender->send({static_cast<const std::byte *>(message.bytes), message.length}, timeout);
    }

    Result<void> flush(std::int64_t timeout) { return sender ? sender->flush(timeout) : Result<void>(); }

    Result<void> receive(ipc_message &message, std::int64_t timeout)
    {
        if (!receiver)
            return failure(EBADF, "it is not open for receiving");
        if (message.capacity < receiver->largest())
            return failure(EMSGSIZE, "messages may have {} bytes and there is room for {}", receiver->largest(),
                           message.capacity);
        return receiver->receive(message, timeout);
    }

    /// One at a time: an error is not met again, and what is in hand behind the first is taken as a block.
    Result<void> receive_many(MessageRoom &room, std::int64_t timeout)
    {
        IPC_TRY(receive(room.next(), timeout));
        room.keep();
        return {};
    }

    std::optional<StreamReceiver> receiver;
    std::optional<StreamSender> sender;
    ipc_identity identity = {0, 0, 0, IPC_NO_TIME};
};

StreamQueue &queue_of(ipc_queue *queue) { return *reinterpret_cast<StreamQueue *>(queue); }

ipc_queue *crossing(std::unique_ptr<StreamQueue> queue) { return reinterpret_cast<ipc_queue *>(queue.release()); }

} // namespace

const ipc_queue_v1 &stream_queue_table()
{
    static constexpr ipc_queue_v1 table = queue_table<StreamQueue>();
    return table;
}

Result<ipc_queue *> create_stream_queue(const Plugin &plugin, const Address &address, std::uint64_t max_messages,
                                        std::uint64_t max_message_size, const ipc_ownership &ownership)
{
    if (!plugin.stream()->create)
        return failure(ENOTSUP, "there is nothing to create, whoever receives makes it (start mqrecv)");
    if (max_messages || max_message_size)
        return failure(EINVAL, "a stream sets no limits (leave out --max-messages and --max-size, which mqrecv takes)");
    auto queue = std::make_unique<StreamQueue>();
    const CrossingAddress crossed(address);
    IPC_TRY(call(plugin.stream()->create, crossed.get(), &ownership, &queue->identity));
    return crossing(std::move(queue));
}

Result<ipc_queue *> open_stream_queue(const Plugin &plugin, const Address &address, std::uint32_t access,
                                      const StreamLimits &limits)
{
    auto queue = std::make_unique<StreamQueue>();
    if (access & IPC_READ) {
        queue->receiver.emplace(plugin, address, limits);
    } else {
        queue->sender.emplace(plugin, address);
        IPC_TRY(queue->sender->try_to_connect());
    }
    return crossing(std::move(queue));
}

bool takes_blocks(ipc_queue *queue, char delimiter)
{
    return queue_of(queue).sender && queue_of(queue).sender->takes_blocks(delimiter);
}

Result<void> send_block(ipc_queue *queue, std::span<const std::byte> records, std::int64_t timeout)
{
    return queue_of(queue).sender->send_block(records, timeout);
}

std::size_t receive_block(ipc_queue *queue, std::span<std::byte> room, char delimiter)
{
    return queue_of(queue).receiver ? queue_of(queue).receiver->receive_block(room, delimiter) : 0;
}

} // namespace ipc
