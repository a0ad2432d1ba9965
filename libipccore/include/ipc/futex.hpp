// SPDX-License-Identifier: MIT
// ipc/futex.hpp - waiting until others change a word of shared memory: futex(2), and a pause between two looks.
#pragma once

#include <ipc/deadline.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace ipc {

/// Sleep while the 32 bits there are `expected`, for at most so many nanoseconds. 0 if woken, EAGAIN if they are others
/// already, ETIMEDOUT, EINTR (a signal handler ran), EFAULT if the memory is gone.
inline int futex_wait(const void *word, std::uint32_t expected, std::optional<std::int64_t> nanoseconds)
{
    const timespec timeout = timespec_of(nanoseconds.value_or(0));
    return ::syscall(SYS_futex, word, FUTEX_WAIT, expected, nanoseconds ? &timeout : nullptr, nullptr, 0) == 0 ? 0
                                                                                                               : errno;
}

/// The same for who looks again anyhow: another word and a signal are 0 too, but EINTR if the user asked to stop.
inline int futex_sleep(const void *word, std::uint32_t expected, std::optional<std::int64_t> nanoseconds)
{
    const int code = futex_wait(word, expected, nanoseconds);
    return code == EAGAIN || (code == EINTR && !wait_is_interrupted()) ? 0 : code;
}

inline void futex_wake(const void *word, int count = INT_MAX)
{
    ::syscall(SYS_futex, word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

/// Leave the core to its other thread for a moment.
inline void pause_processor()
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    asm volatile("yield" ::: "memory");
#endif
}

} // namespace ipc
