// SPDX-License-Identifier: MIT
// A queue, whatever its mechanism: a channel of whole messages.
#pragma once

#include "address.hpp"
#include "plugins.hpp"
#include "segment.hpp"
#include "stream.hpp"

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace ipc {

/// What an ipc_message carries beside its bytes; see ipc/plugin.h.
using Message = ipc_message;

/// A message to be sent, without priority and type. Borrows the bytes, which stay as they are.
inline Message message_of(std::span<const std::byte> bytes)
{
    Message message = {};
    message.size = sizeof message;
    message.bytes = const_cast<std::byte *>(bytes.data());
    message.length = message.capacity = bytes.size();
    message.type = 1;
    return message;
}

inline std::span<const std::byte> payload_of(const Message &message)
{
    return {static_cast<const std::byte *>(message.bytes), message.length};
}

/// Move-only; the destructor closes and never removes. Every error names the address, and its code tells what kind it
/// is: EAGAIN (empty or full, and the timeout was 0), ETIMEDOUT, EINTR (interrupted(), see interruption.hpp), EIDRM,
/// ESTALE (its memory was taken away; so for all calls from then on).
class Queue {
public:
    /// Create exclusively; 0 takes the mechanism's default for either limit.
    static Result<Queue> create(const Address &address, std::uint64_t max_messages, std::uint64_t max_message_size,
                                const Ownership &ownership);
    /// `limits` matter where the queue is made of a stream, which has none of its own.
    static Result<Queue> open(const Address &address, Access access, const StreamLimits &limits = {});

    /// What it can be reached by: without parameters after create(), and with a name that works where the one it was
    /// created by does not.
    const Address &address() const { return address_; }
    /// Is it made of a stream by the core? Then it may take and give many messages at once, as they stand.
    bool is_stream() const;
    Result<ipc_queue_status> status() const;
    std::uint32_t features() const { return table_->features; }

    /// Timeouts are nanoseconds: 0 tries once, IPC_FOREVER waits.
    Result<void> send(const Message &message, std::int64_t timeout);
    /// Pass on what send() kept, so that many messages cost one system call: before waiting for anything else, and at
    /// the end. status() says how many are kept.
    Result<void> flush(std::int64_t timeout);
    Result<void> receive(Message &message, std::int64_t timeout);

    /// Send one message after the other, `timeout` for each. `sent` becomes how many were, also if it fails.
    Result<void> send_many(std::span<const Message> messages, std::uint64_t &sent, std::int64_t timeout);
    /// Receive a message, and what there is behind it without waiting: how many, one at least. The first of `messages`
    /// says where its bytes go; those of another lie `gap` bytes behind the ones before, and begin less than `room`
    /// bytes behind the first.
    Result<std::uint64_t> receive_many(std::span<Message> messages, std::uint64_t room, std::uint64_t gap,
                                       std::int64_t timeout);

    /// Many messages at once as one block of bytes, where the queue has each stand before `delimiter` already. Messages
    /// hold none then.
    bool takes_blocks(char delimiter) const;
    /// Send whole messages, each with its delimiter; only if takes_blocks(). If it fails, those that were not sent are
    /// kept, and status() counts them.
    Result<void> send_block(std::span<const std::byte> messages, std::int64_t timeout);
    /// Receive more messages, if some are in hand, as such a block of at most `room.size()` bytes; without waiting. The
    /// bytes of the block, 0 if there is none.
    std::size_t receive_block(std::span<std::byte> room, char delimiter);

    bool can_peek() const { return table_->peek; }
    Result<void> peek(std::uint64_t index, Message &message);
    bool can_put_back() const { return table_->put_back; }
    Result<void> put_back(const Message &message);
    /// Can the kernel wake who waits without taking?
    bool can_wait() const { return table_->wait; }
    /// Until what IPC_WAIT_… names is probably so.
    Result<void> wait(std::uint32_t what, std::int64_t timeout);
    /// Remove it, if its name still means it: for undoing a creation.
    Result<void> remove();

private:
    struct Close {
        const ipc_queue_v1 *table;
        void operator()(ipc_queue *queue) const { table->close(queue); }
    };
    Queue(const Address &address, const ipc_queue_v1 *table, ipc_queue *handle)
        : address_(address), table_(table), handle_(handle, Close{table})
    {
    }
    /// `function` of the plugin with this queue and the arguments.
    template <typename Function, typename... Arguments>
    Result<void> perform(Function *function, Arguments... arguments) const;
    /// What create() has made, under the address that reaches it.
    static Result<Queue> created(const Address &address, const ipc_queue_v1 *table, ipc_queue *handle);
    Address address_;
    const ipc_queue_v1 *table_;
    mutable std::unique_ptr<ipc_queue, Close> handle_;
};

} // namespace ipc
