// SPDX-License-Identifier: MIT
// ipc/shared_mutex.hpp - a process-shared mutex of the C library in memory that others share: who holds it, told from
// a copy of it. Nothing here takes one. The layout is that of glibc on 64 bits.
#pragma once

#include <linux/futex.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <pthread.h>
#include <string>

namespace ipc {

/// As far as it is known.
struct alignas(pthread_mutex_t) SharedMutex {
    std::uint32_t word; // 0 free; of a robust one the thread that holds it, and whether it died
    std::uint32_t count;
    std::int32_t owner;
    std::uint32_t users;
    std::uint32_t kind;
    unsigned char rest[sizeof(pthread_mutex_t) - 20];

    static constexpr std::uint32_t robust = 0x10, shared = 0x80; // in `kind`
    static constexpr std::int32_t not_recoverable = 0x7ffffffe;  // in `owner`
};

/// The thread that holds it; 0 if that is not known.
inline std::int32_t holder_of(const SharedMutex &mutex)
{
    const std::int32_t thread =
        mutex.kind & SharedMutex::robust ? std::int32_t(mutex.word & FUTEX_TID_MASK) : mutex.owner;
    return std::max(thread, 0);
}

/// Does this process see a thread of that number? Asks without a signal.
inline bool thread_exists(std::int32_t thread) { return ::kill(thread, 0) == 0 || errno == EPERM; }

/// Did the system find it in the hands of a thread that ended, and nobody has taken it since?
inline bool died_with_holder(const SharedMutex &mutex)
{
    return mutex.kind & SharedMutex::robust && mutex.word & FUTEX_OWNER_DIED;
}

/// Did somebody take it from a dead thread and give it up without repairing what it protects?
inline bool is_unusable(const SharedMutex &mutex)
{
    return mutex.kind & SharedMutex::robust && mutex.owner == SharedMutex::not_recoverable;
}

/// Is it held by somebody who may be changing what it protects?
inline bool is_in_use(const SharedMutex &mutex)
{
    const std::int32_t thread = holder_of(mutex);
    return mutex.word && !died_with_holder(mutex) && (thread == 0 || thread_exists(thread));
}

/// Will nobody ever give it back? A holder that does not exist here may be one of another PID namespace.
inline bool is_left(const SharedMutex &mutex) { return is_unusable(mutex) || (mutex.word && !is_in_use(mutex)); }

/// As a phrase, "held by thread 4711"; empty if it is free.
inline std::string state_of(const SharedMutex &mutex)
{
    if (is_unusable(mutex))
        return "left by a process that died, and unusable for ever";
    if (!mutex.word)
        return {};
    if (died_with_holder(mutex))
        return "left by a process that died";
    const std::int32_t thread = holder_of(mutex);
    if (!thread)
        return "held by an unknown thread";
    return "held by thread " + std::to_string(thread) + (thread_exists(thread) ? "" : ", which does not exist here");
}

} // namespace ipc
