// SPDX-License-Identifier: MIT
// How this process waits until messages come or go: it looks, at first at once again and then after ever longer naps.
//
// It does not wait as Boost's programs do, at the condition variables in the queue. A process that is killed while it
// waits there makes pthread_cond_signal(3) hang for ever in all others (glibc until 2.40), so whoever ends a waiting
// command would stop the programs that use the queue.
#pragma once

#include "lock.hpp"

#include <ipc/plugin.hpp>

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace boost_mq {

class Pauses {
public:
    /// 0, ETIMEDOUT, or EINTR if the user asked to stop.
    int pause(Deadline &deadline)
    {
        constexpr int yields = 64;
        constexpr std::int64_t longest = 2'000'000;
        if (yields_ < yields) {
            yields_++;
            ::sched_yield();
        } else {
            const std::int64_t nap = deadline.left(nap_);
            if (nap == 0)
                return ETIMEDOUT;
            const timespec time = {0, nap};
            ::nanosleep(&time, nullptr);
            nap_ = std::min(nap_ + nap_ / 8, longest);
        }
        return ipc::host && ipc::host->interrupted() ? EINTR : 0;
    }

private:
    int yields_ = 0;
    std::int64_t nap_ = 20'000;
};

} // namespace boost_mq
