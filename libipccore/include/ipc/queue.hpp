// SPDX-License-Identifier: MIT
// ipc/queue.hpp - offer ipc.queue/1 with a class.
//
//     struct Channel {
//         static constexpr std::uint32_t features = IPC_QUEUE_PRIORITY;
//         static Result<std::unique_ptr<Channel>> create(const ipc_address &, std::uint64_t max_messages,
//                                                        std::uint64_t max_message_size, const ipc_ownership &);
//         static Result<std::unique_ptr<Channel>> open(const ipc_address &, std::uint32_t access);
//         Result<void> status(ipc_queue_status &);
//         Result<void> send(const ipc_message &, std::int64_t timeout);
//         Result<void> receive(ipc_message &, std::int64_t timeout);
//         Result<void> peek(std::uint64_t index, ipc_message &);                      // may be missing
//         Result<void> put_back(const ipc_message &);                                 // may be missing
//         Result<void> wait(std::uint32_t what, std::int64_t timeout);                // may be missing
//         Result<void> flush(std::int64_t timeout);                                   // may be missing
//         Result<void> send_many(std::span<const ipc_message>, std::uint64_t &sent, std::int64_t timeout);  // likewise
//         Result<void> receive_many(MessageRoom &, std::int64_t timeout);                                   // likewise
//     };
//     constexpr ipc_queue_v1 queue = ipc::queue_table<Channel>();
//
// What each must do is said in ipc/plugin.h; the destructor is close(). Without send_many() and receive_many() of its
// own a class has those that call send() and receive() again and again, on this side of the boundary.
#pragma once

#include <ipc/deadline.hpp>
#include <ipc/plugin.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace ipc {

/// For flush() and put_back(): EIDRM if the queue is a file that was removed, which those alone reach who have it open,
/// and `messages` of them that wait there would be lost.
inline Result<void> expect_reachable(int descriptor, std::uint64_t messages)
{
    if (messages == 0 || removal_of(descriptor) == 0)
        return {};
    return Error::of(EIDRM, "the queue was removed, and only who still has it open can receive what waits there "
                            "(create it again, and send again)");
}

/// Where many messages are received, one behind the other.
class MessageRoom {
public:
    /// As receive_many() of ipc/plugin.h has them, which outlive this.
    MessageRoom(ipc_message *messages, std::uint64_t count, std::uint64_t room, std::uint64_t gap,
                std::uint64_t &received)
        : messages_(messages), count_(count), end_(static_cast<std::byte *>(messages->bytes) + room), gap_(gap),
          received_(received)
    {
    }

    /// What to receive the next message with; never two without a keep() in between.
    ipc_message &next() { return messages_[received_]; }
    /// next() is received. Is there room for another one?
    bool keep()
    {
        const ipc_message &last = messages_[received_++];
        std::byte *bytes = static_cast<std::byte *>(last.bytes) + last.length + gap_;
        if (received_ == count_ || bytes >= end_)
            return false;
        ipc_message next = {};
        next.size = sizeof next;
        next.bytes = bytes;
        next.capacity = last.capacity;
        messages_[received_] = next;
        return true;
    }
    bool is_empty() const { return received_ == 0; }

private:
    ipc_message *messages_;
    std::uint64_t count_;
    std::byte *end_;
    std::uint64_t gap_;
    std::uint64_t &received_;
};

template <typename Channel>
Result<void> send_many(Channel &channel, std::span<const ipc_message> messages, std::uint64_t &sent,
                       std::int64_t timeout)
{
    if constexpr (requires { channel.send_many(messages, sent, timeout); }) {
        return channel.send_many(messages, sent, timeout);
    } else {
        for (const ipc_message &message : messages) {
            IPC_TRY(channel.send(message, timeout));
            ++sent;
        }
        return {};
    }
}

template <typename Channel> Result<void> receive_many(Channel &channel, MessageRoom &room, std::int64_t timeout)
{
    if constexpr (requires { channel.receive_many(room, timeout); }) {
        return channel.receive_many(room, timeout);
    } else {
        do
            IPC_TRY(channel.receive(room.next(), room.is_empty() ? timeout : 0));
        while (room.keep());
        return {};
    }
}

template <typename Channel> constexpr ipc_queue_v1 queue_table()
{
    ipc_queue_v1 table = {};
    table.size = sizeof table;
    table.features = Channel::features;
    table.create = [](const ipc_address *address, std::uint64_t max_messages, std::uint64_t max_message_size,
                      const ipc_ownership *ownership, ipc_queue **queue, ipc_error *error) {
        return guarded(error, [&]() -> Result<void> {
            *queue = reinterpret_cast<ipc_queue *>(
                IPC_TRY(Channel::create(*address, max_messages, max_message_size, *ownership)).release());
            return {};
        });
    };
    table.open = [](const ipc_address *address, std::uint32_t access, ipc_queue **queue, ipc_error *error) {
        return guarded(error, [&]() -> Result<void> {
            *queue = reinterpret_cast<ipc_queue *>(IPC_TRY(Channel::open(*address, access)).release());
            return {};
        });
    };
    table.status = [](ipc_queue *queue, ipc_queue_status *status, ipc_error *error) {
        return guarded(error, [&] {
            return fill_in(status, [&](auto &now) { return reinterpret_cast<Channel *>(queue)->status(now); });
        });
    };
    table.send = [](ipc_queue *queue, const ipc_message *message, std::int64_t timeout, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->send(*message, timeout); });
    };
    table.receive = [](ipc_queue *queue, ipc_message *message, std::int64_t timeout, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->receive(*message, timeout); });
    };
    if constexpr (requires(Channel & channel, ipc_message & message) { channel.peek(std::uint64_t{}, message); })
        table.peek = [](ipc_queue *queue, std::uint64_t index, ipc_message *message, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->peek(index, *message); });
        };
    if constexpr (requires(Channel & channel, const ipc_message &message) { channel.put_back(message); })
        table.put_back = [](ipc_queue *queue, const ipc_message *message, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->put_back(*message); });
        };
    if constexpr (requires(Channel & channel) { channel.wait(std::uint32_t{}, std::int64_t{}); })
        table.wait = [](ipc_queue *queue, std::uint32_t what, std::int64_t timeout, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->wait(what, timeout); });
        };
    if constexpr (requires(Channel & channel) { channel.flush(std::int64_t{}); })
        table.flush = [](ipc_queue *queue, std::int64_t timeout, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->flush(timeout); });
        };
    table.send_many = [](ipc_queue *queue, const ipc_message *messages, std::uint64_t count, std::uint64_t *sent,
                         std::int64_t timeout, ipc_error *error) {
        return guarded(error, [&] {
            return send_many(*reinterpret_cast<Channel *>(queue), {messages, count}, *sent, timeout);
        });
    };
    table.receive_many = [](ipc_queue *queue, ipc_message *messages, std::uint64_t count, std::uint64_t room,
                            std::uint64_t gap, std::uint64_t *received, std::int64_t timeout, ipc_error *error) {
        MessageRoom into(messages, count, room, gap, *received);
        const int code =
            guarded(error, [&] { return receive_many(*reinterpret_cast<Channel *>(queue), into, timeout); });
        return into.is_empty() ? code : 0;
    };
    table.close = [](ipc_queue *queue) { delete reinterpret_cast<Channel *>(queue); };
    return table;
}

} // namespace ipc
