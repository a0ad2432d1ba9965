// SPDX-License-Identifier: MIT
// A timeout that several waits share.
#pragma once

#include <ipc/plugin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ipc {

/// Made from a timeout in nanoseconds: 0 tries once, IPC_FOREVER waits. Reads the clock only if it must.
class Deadline {
public:
    explicit Deadline(std::int64_t timeout) : timeout_(timeout)
    {
        if (timeout > 0)
            end_ = Clock::now() + std::chrono::nanoseconds(timeout);
    }
    bool tries_once() const { return timeout_ == 0; }
    /// What is left, as a timeout; 0 when it has passed.
    std::int64_t left() const
    {
        if (timeout_ <= 0)
            return timeout_;
        return std::max<std::int64_t>(0, std::chrono::nanoseconds(end_ - Clock::now()).count());
    }
    /// The same for poll(2) and its like, never shorter.
    int milliseconds() const
    {
        constexpr std::int64_t nanoseconds = 1'000'000, most = 3'600'000;
        const std::int64_t rest = left();
        return rest < 0 ? -1 : int(std::min(rest / nanoseconds + (rest % nanoseconds != 0), most));
    }

private:
    using Clock = std::chrono::steady_clock;
    std::int64_t timeout_;
    Clock::time_point end_ = {};
};

} // namespace ipc
