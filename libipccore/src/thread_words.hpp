// SPDX-License-Identifier: MIT
// Words of memory by which threads lock and wait, as the kernel knows them: futex(2), get_robust_list(2). What is read
// of a process may be anything that it likes.
#pragma once

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstdint>
#include <vector>

namespace ipc {

/// The addresses at which a thread sleeps until somebody wakes it there, if it is that call in which it is blocked.
std::vector<std::uint64_t> sleeping_words(const ipc_sight &call);

/// The word of a robust mutex that a thread has locked.
struct LockedWord {
    std::int64_t thread;
    std::uint64_t address;
};

/// Those of all threads of a process: what stands in their lists, and whose word names the thread. At most 1024 entries
/// of lists are followed. None of a process that has ended; EPERM if this one may not read its memory (CAP_SYS_PTRACE).
Result<std::vector<LockedWord>> locked_words(std::int64_t process);

} // namespace ipc
