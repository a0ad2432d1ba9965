// SPDX-License-Identifier: MIT
// A queue, whatever its mechanism: a channel of whole messages.
#pragma once

#include "address.hpp"
#include "plugins.hpp"
#include "segment.hpp"

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstdint>
#include <memory>

namespace ipc {

/// What an ipc_message carries beside its bytes; see ipc/plugin.h.
using Message = ipc_message;

/// Move-only; the destructor closes and never removes. Every error names the address, and its code tells what kind it
/// is: EAGAIN (empty or full, and the timeout was 0), ETIMEDOUT, EINTR (interrupted(), see interruption.hpp), EIDRM,
/// ESTALE (its memory was taken away; so for all calls from then on).
class Queue {
public:
    /// Create exclusively; 0 takes the mechanism's default for either limit.
    static Result<Queue> create(const Address &address, std::uint64_t max_messages, std::uint64_t max_message_size,
                                const Ownership &ownership);
    static Result<Queue> open(const Address &address, Access access);

    /// What it can be reached by: without parameters after create(), and with a name that works where the one it was
    /// created by does not.
    const Address &address() const { return address_; }
    Result<ipc_queue_status> status() const;
    std::uint32_t features() const { return table_->features; }

    /// Timeouts are nanoseconds: 0 tries once, IPC_FOREVER waits.
    Result<void> send(const Message &message, std::int64_t timeout);
    Result<void> receive(Message &message, std::int64_t timeout);
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
