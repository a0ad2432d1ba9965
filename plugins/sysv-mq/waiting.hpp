// SPDX-License-Identifier: MIT
// Time limits for msgsnd(2) and msgrcv(2), which know none.
#pragma once

#include <ipc/plugin.hpp>

#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <ctime>

/// Monotonic nanoseconds.
inline std::int64_t now()
{
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// A wait that the host ends; neither msgsnd nor msgrcv takes a timeout.
class Wait {
public:
    explicit Wait(std::int64_t timeout) : limited_(timeout != IPC_FOREVER)
    {
        if (!limited_)
            return;
        const std::int64_t start = now();
        end_ = timeout > INT64_MAX - start ? INT64_MAX : start + timeout;
        ipc::host->deadline(timeout);
    }
    ~Wait()
    {
        if (limited_)
            ipc::host->deadline(IPC_FOREVER);
    }
    Wait(const Wait &) = delete;
    Wait &operator=(const Wait &) = delete;

    /// 0 to go on after an EINTR, else why not.
    int reason_to_stop() const
    {
        if (ipc::host->interrupted())
            return EINTR;
        return limited_ && now() >= end_ ? ETIMEDOUT : 0;
    }

private:
    bool limited_;
    std::int64_t end_ = 0;
};

/// Run `call(flags)`, a msgsnd or msgrcv, within the timeout: one system call, unless it has to wait for a limited time
/// or is woken early. Its result, or the negative errno value.
template <typename Call> ssize_t within(std::int64_t timeout, Call &&call)
{
    const auto outcome = [&call](int flags) {
        const ssize_t result = call(flags);
        return result < 0 ? static_cast<ssize_t>(-errno) : result;
    };
    if (timeout != IPC_FOREVER) {
        const ssize_t result = outcome(IPC_NOWAIT);
        if (timeout == 0 || (result != -EAGAIN && result != -ENOMSG))
            return result;
    }
    const Wait wait(timeout);
    for (;;) {
        const ssize_t result = outcome(0);
        if (result != -EINTR)
            return result;
        if (const int reason = wait.reason_to_stop())
            return -reason;
    }
}
