// SPDX-License-Identifier: MIT
// ipc/deadline.hpp - until when a wait goes on, for waits that are made of several.
#pragma once

#include <ipc/plugin.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <optional>

namespace ipc {

/// Monotonic nanoseconds.
inline std::int64_t monotonic_now()
{
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

inline timespec timespec_of(std::int64_t nanoseconds)
{
    return {static_cast<time_t>(nanoseconds / 1'000'000'000), static_cast<long>(nanoseconds % 1'000'000'000)};
}

/// The end of a wait: so many nanoseconds from when it is first asked for, IPC_FOREVER for none. What succeeds at once
/// never asks, and so does not read the clock.
class Deadline {
public:
    explicit Deadline(std::int64_t timeout) : timeout_(timeout) {}
    Deadline(const Deadline &) = delete;
    Deadline &operator=(const Deadline &) = delete;

    /// Is there no time at all? Then what would have to wait fails with EAGAIN.
    bool at_once() const { return timeout_ == 0; }
    /// What is left, at least 0; nothing if there is no end.
    std::optional<std::int64_t> left() const
    {
        if (timeout_ < 0)
            return std::nullopt;
        if (timeout_ == 0)
            return 0;
        const std::int64_t now = monotonic_now();
        if (!end_)
            end_ = timeout_ > INT64_MAX - now ? INT64_MAX : now + timeout_;
        return std::max<std::int64_t>(0, end_ - now);
    }
    bool over() const { return left() == 0; }
    /// What is left, as a timeout: 0 tries once, IPC_FOREVER waits.
    std::int64_t timeout() const { return left().value_or(IPC_FOREVER); }
    /// The same for poll(2) and its like, never shorter, at most an hour; -1 waits.
    int milliseconds() const
    {
        constexpr std::int64_t nanoseconds = 1'000'000, most = 3'600'000;
        const std::int64_t rest = timeout();
        return rest < 0 ? -1 : int(std::min(rest / nanoseconds + (rest % nanoseconds != 0), most));
    }
    /// What is left, but at most so much.
    std::int64_t left_within(std::int64_t most) const { return std::min(left().value_or(most), most); }
    /// The code of the error if it is over.
    int code() const { return at_once() ? EAGAIN : ETIMEDOUT; }

private:
    std::int64_t timeout_;
    mutable std::int64_t end_ = 0; // 0 until it was asked for
};

/// Has the user asked the command to stop? For a wait that failed with EINTR.
inline bool wait_is_interrupted() { return host && host->interrupted && host->interrupted(); }

/// While it lives the host ends waits at the deadline: for system calls that take no timeout.
class EndedWaits {
public:
    explicit EndedWaits(const Deadline &deadline) : EndedWaits(deadline.left()) {}
    /// So many nanoseconds from now on; nothing for no end.
    explicit EndedWaits(std::optional<std::int64_t> nanoseconds) : limited_(nanoseconds.has_value())
    {
        if (limited_)
            host->deadline(std::max<std::int64_t>(1, *nanoseconds));
    }
    ~EndedWaits()
    {
        if (limited_)
            host->deadline(IPC_FOREVER);
    }
    EndedWaits(const EndedWaits &) = delete;
    EndedWaits &operator=(const EndedWaits &) = delete;

private:
    bool limited_;
};

/// Run `call`, which waits and answers -1 with an errno value when it fails, until the deadline. 0, or EINTR if the
/// user asked to stop, EAGAIN or ETIMEDOUT if it was in vain, else what the call said.
template <typename Call> int call_until(const Deadline &deadline, Call &&call)
{
    const EndedWaits waits(deadline);
    for (;;) {
        if (call() == 0)
            return 0;
        if (errno != EINTR)
            return errno;
        if (wait_is_interrupted())
            return EINTR;
        if (deadline.over())
            return deadline.code();
    }
}

/// How long a wait goes on before it looks whether what it waits for is still there.
inline constexpr std::int64_t watch_interval = 500'000'000;

/// The same, and now and then `is_gone()` says whether there is anything left to wait for: 0, or the code to end with.
template <typename Call, typename IsGone> int call_until(const Deadline &deadline, Call &&call, IsGone &&is_gone)
{
    for (;;) {
        int code;
        {
            const EndedWaits waits(deadline.left_within(watch_interval));
            code = call() == 0 ? 0 : errno;
        }
        if (code != EINTR)
            return code;
        if (wait_is_interrupted())
            return EINTR;
        if (deadline.over())
            return deadline.code();
        if (const int gone = is_gone())
            return gone;
    }
}

/// EIDRM if the file that is open there has lost its last name, else 0. For what had one when it was opened.
inline int removal_of(int descriptor)
{
    struct stat status;
    return ::fstat(descriptor, &status) == 0 && status.st_nlink == 0 ? EIDRM : 0;
}

/// What a wait says then; `what` is "the queue".
inline Error removed_error(const char *what)
{
    return Error::of(EIDRM, "%s was removed while it was waited for (create it again, or stop using it)", what);
}

/// Why a wait was in vain: EAGAIN and ETIMEDOUT say `state`, how it is, such as "others have it".
inline Error vain_wait(int code, const char *state)
{
    switch (code) {
    case EAGAIN:
        return Error::of(EAGAIN, "%s", state);
    case ETIMEDOUT:
        return Error::of(ETIMEDOUT, "%s, for all of the time given (wait longer)", state);
    case EINTR:
        return Error::of(EINTR, "interrupted while waiting for it");
    default:
        return Error::system("waiting for it", code);
    }
}

} // namespace ipc
