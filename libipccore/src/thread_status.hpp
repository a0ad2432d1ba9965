// SPDX-License-Identifier: MIT
// Single threads and processes, asked about after the pass.
#pragma once

#include <cstdint>
#include <optional>

namespace ipc {

/// The process of a thread; nothing if there is no such thread.
std::optional<std::int64_t> process_of_thread(std::int64_t thread);

/// The number that a thread has in its own process namespace, the innermost; 0 if it is not known.
std::int64_t innermost_number(std::int64_t process, std::int64_t thread);

/// May this process look into that one's memory and descriptors?
bool may_look_into(std::int64_t process);

/// When a thread that sleeps began to, nanoseconds since 1970; IPC_NO_TIME where the kernel does not tell
/// (CONFIG_SCHED_DEBUG). To some milliseconds.
std::int64_t asleep_since(std::int64_t process, std::int64_t thread);

/// Does it wait for its child, in one of the calls for that?
bool waits_for_child(std::int64_t process);

} // namespace ipc
