// SPDX-License-Identifier: MIT
// The kernel's table of file locks, and this plugin's table of ipc.inspect/1.
#pragma once

#include <ipc/inspect.hpp>

#include <sys/stat.h>

#include <cstdint>

namespace file_lock {

/// How a file is locked, as /proc/locks says.
struct LockState {
    bool known = false; ///< whether there is such a table here
    std::uint64_t locked = 0;
    std::uint64_t waiters = 0;
    std::int64_t holder = 0; ///< the first, 0 if none or not visible (open file description locks have none)
};

/// Of locks that flock(2) takes, or open file description locks.
enum class Kind { flock, description };

LockState lock_state(std::uint64_t device, std::uint64_t inode, Kind kind);

extern const ipc_inspect_v1 inspect;

} // namespace file_lock
