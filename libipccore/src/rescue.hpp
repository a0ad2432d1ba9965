// SPDX-License-Identifier: MIT
// Saving what waits in a queue before the queue is removed, without taking anything out of it: what is saved can be
// sent again, and a queue that nobody can receive from any more, since a process died in it, can be saved too.
#pragma once

#include "queue.hpp"

#include <ipc/result.hpp>

#include <cstdint>
#include <string>

namespace ipc {

/// What became of the messages.
struct Rescue {
    std::uint64_t saved = 0;
    std::uint64_t unreadable = 0;
    std::string reason; // why the first of these could not be read, and which one that was
};

/// Write all messages of the queue with that address, in the order in which they would be received, as JSON Lines
/// without times (see message_json.hpp) to a new file for its owner alone, or to standard output if `file` is "-". They
/// have reached the disk, where there is one, when this returns. What the mechanism says is no whole message (EBADMSG)
/// is counted and left out. After an error there is no file. ENOTSUP if the mechanism shows no message without taking
/// it.
Result<Rescue> rescue_messages(const Address &address, const std::string &file);

} // namespace ipc
