// SPDX-License-Identifier: MIT
// Which processes /proc does not show at all, so that nobody can say what they hold.
#pragma once

#include <cstdint>
#include <optional>

namespace ipc {

struct ProcView {
    /// The process namespace of this process is not the machine's first: there are processes outside of it.
    bool is_inner = false;
    /// /proc is mounted with hidepid= and shows this user's processes alone, or what is mounted there is not known.
    bool hides_users = false;

    bool is_whole() const { return !is_inner && !hides_users; }
};

/// As it is now. The first namespace is known by its inode, which the kernel fixes (PROC_PID_INIT_INO).
ProcView look_at_proc();

/// The process that counts as `process` in the process namespace with the inode `space`, as this /proc counts it;
/// nothing if /proc shows none, or none that may be looked into.
std::optional<std::int64_t> find_process_of(std::uint64_t space, std::int64_t process);

} // namespace ipc
