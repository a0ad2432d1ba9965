// SPDX-License-Identifier: MIT
// An object that exists in place of the one that was to be made (--reuse).
//
// It must be one of the mechanism's and complete, and have at least what is asked for: sizes, limits, what the address
// says, and a mode, owner and group that were given. Else the error, EEXIST or what opening it says, names what there
// is and what is wanted. Nothing is changed either way. ENOENT: it has gone since.
#pragma once

#include "queue.hpp"
#include "segment.hpp"
#include "semaphore.hpp"

namespace ipc {

Result<Segment> reuse_segment(const Address &address, std::uint64_t bytes, const Ownership &ownership);

/// 0 for a limit that does not matter.
Result<Queue> reuse_queue(const Address &address, std::uint64_t max_messages, std::uint64_t max_message_size,
                          const Ownership &ownership);

/// One that counts, or what is locked by one at a time and so may be taken for it. Its value goes up and down while it
/// is used, so that only `most` is held against it: a value that it must be able to have.
Result<Semaphore> reuse_semaphore(const Address &address, std::uint64_t most, const Ownership &ownership);

} // namespace ipc
