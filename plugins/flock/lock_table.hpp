// SPDX-License-Identifier: MIT
// The kernel's table of file locks, /proc/locks, and this plugin's table of ipc.inspect/1.
#pragma once

#include <ipc/inspect.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace file_lock {

/// Locks that flock(2) takes, fcntl(2) for the process, fcntl(2) for the open file description.
enum class Kind { flock, process, description };

/// A lock, or somebody who waits for one.
struct Entry {
    Kind kind = Kind::flock;
    bool waits = false;
    bool shared = false;
    std::int64_t process = 0; ///< 0 if not visible; locks of open file descriptions have none
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t offset = IPC_UNKNOWN; ///< of its first byte, who waits: of that of the lock; IPC_UNKNOWN: all of it
};

/// A line of the table, "1: FLOCK  ADVISORY  WRITE 812 00:2f:1310 0 EOF", with "->" behind the number for who waits.
/// Nothing if it is of something else.
std::optional<Entry> parse_entry(const char *line);

/// All that there are, each lock with those behind it who wait for it. Nothing if this machine has no such table.
std::optional<std::vector<Entry>> read_locks();

/// How a file is locked.
struct LockState {
    bool known = false; ///< whether there is such a table here
    std::uint64_t locked = 0;
    std::uint64_t waiters = 0;
    std::int64_t holder = 0; ///< the first, 0 if none or not visible
};

LockState lock_state(std::uint64_t device, std::uint64_t inode, Kind kind);

extern const ipc_inspect_v1 inspect;

} // namespace file_lock
