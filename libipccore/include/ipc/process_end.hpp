// SPDX-License-Identifier: MIT
// ipc/process_end.hpp - proof that a process has ended.
#pragma once

#include <ipc/fd.hpp>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace ipc {

/// Is it proven that no process of that number, as this process's namespace counts them, lives any more? A zombie does
/// not. Whoever has the number of a dead one by now counts as that one, so the answer may be false for ever. No clock
/// and no /proc decides, since both may be others' than one believes.
inline bool has_ended(std::int64_t process)
{
    if (process <= 0 || process > INT32_MAX)
        return false;
    if (::kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH)
        return true;
    const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(process), 0)));
    if (!handle)
        return errno == ESRCH;
    pollfd state = {handle.get(), POLLIN, 0}; // readable once all threads have ended
    return ::poll(&state, 1, 0) == 1 && (state.revents & POLLIN);
}

} // namespace ipc
