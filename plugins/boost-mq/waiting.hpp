// SPDX-License-Identifier: MIT
// How this process waits until messages come or go: it looks, and takes ever longer naps in between.
//
// It does not wait as Boost's programs do, at the condition variables in the queue. A process that is killed while it
// waits there makes pthread_cond_signal(3) hang for ever in all others (glibc until 2.40), so whoever ends a waiting
// command would stop the programs that use the queue.
#pragma once

#include <ipc/deadline.hpp>

#include <algorithm>
#include <cerrno>

namespace boost_mq {

class Pauses {
public:
    /// 0, ETIMEDOUT, or EINTR if the user asked to stop.
    int pause(const ipc::Deadline &deadline)
    {
        constexpr std::int64_t longest = 4'000'000;
        const std::int64_t nap = deadline.left_within(nap_);
        if (nap == 0)
            return ETIMEDOUT;
        const timespec time = ipc::timespec_of(nap);
        ::nanosleep(&time, nullptr);
        nap_ = std::min(nap_ + nap_ / 8, longest);
        return ipc::wait_is_interrupted() ? EINTR : 0;
    }

private:
    std::int64_t nap_ = 1000; // to which the system adds some fifty microseconds, enough for a hundred messages
};

} // namespace boost_mq
