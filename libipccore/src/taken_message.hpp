// SPDX-License-Identifier: MIT
// A message between its queue and the end of the work on it, with bytes of its own.
#pragma once

#include "message_format.hpp"
#include "queue.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace ipc {

struct TakenMessage {
    std::string bytes;
    std::uint32_t fields = 0, priority = 0; // as in ipc_message
    std::int64_t type = 0;
    std::int64_t time = IPC_NO_TIME; // when it was taken
    std::uint64_t index = 0;         // among those of this run, from 1
    std::uint64_t entry = 0;         // in a journal; 0 if it is in none
    bool recovered = false;          // an earlier run took it and did not finish
    std::string obstacle;            // why nobody can be given it any more, if so: the bytes are a reference only

    /// Both borrow the bytes.
    ReceivedMessage view() const { return {std::as_bytes(std::span(bytes)), fields, priority, type, time, index}; }
    Message raw() const
    {
        Message message = message_of(std::as_bytes(std::span(bytes)));
        message.fields = fields;
        message.priority = priority;
        message.type = type;
        return message;
    }
};

} // namespace ipc
