// SPDX-License-Identifier: MIT
// ipc/futex.hpp - sleeping on a word of shared memory, futex(2).
#pragma once

#include <ipc/deadline.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace ipc {

/// Sleep while the word is `expected`, for at most so many nanoseconds. 0 if woken or if it is another already, EINTR
/// if the user asked to stop, ETIMEDOUT, EFAULT if the memory is gone.
inline int futex_wait(std::uint32_t *word, std::uint32_t expected, std::optional<std::int64_t> nanoseconds)
{
    const timespec timeout = timespec_of(nanoseconds.value_or(0));
    if (::syscall(SYS_futex, word, FUTEX_WAIT, expected, nanoseconds ? &timeout : nullptr, nullptr, 0) == 0 ||
        errno == EAGAIN)
        return 0;
    if (errno == EINTR)
        return wait_is_interrupted() ? EINTR : 0;
    return errno;
}

inline void futex_wake(std::uint32_t *word, int count = INT_MAX)
{
    ::syscall(SYS_futex, word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

} // namespace ipc
