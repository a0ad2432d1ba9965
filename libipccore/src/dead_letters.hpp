// SPDX-License-Identifier: MIT
// The queue for messages that could not be worked on, with the reason.
#pragma once

#include "message_json.hpp"
#include "queue.hpp"
#include "taken_message.hpp"

#include <ipc/result.hpp>

#include <optional>

namespace ipc {

class DeadLetters {
public:
    /// ENOENT and the like before anything was taken from `source`; a usage error if it is the same queue.
    static Result<DeadLetters> open(const Address &address, const Queue &source);

    const Address &address() const { return queue_.address(); }

    /// Send the message as a line of JSON that says why, with its priority or type where this queue has them. Does not
    /// wait: a queue that is full refuses.
    Result<void> send(const TakenMessage &message, const FailedWork &failed);

private:
    explicit DeadLetters(Queue queue) : queue_(std::move(queue)) {}
    Queue queue_;
};

} // namespace ipc
