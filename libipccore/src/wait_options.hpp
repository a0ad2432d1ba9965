// SPDX-License-Identifier: MIT
// The options by which a command is told how long to wait, and what to do when that was in vain: -n, -w, -E, -q.
#pragma once

#include "command.hpp"

#include <ipc/result.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace ipc {

/// Declared before parse(), asked behind it.
class WaitOptions {
public:
    /// `vain` is what waiting is for, "while the queue is full".
    void declare(Command &command, std::string_view vain);

    /// Nanoseconds, 0 for a single try, IPC_FOREVER. A usage error if both -n and -w are given.
    Result<std::int64_t> timeout() const;
    bool given() const { return nonblock_ || timeout_; }

    /// The status that says so (-E).
    int empty_status() const { return empty_status_; }
    /// How the command ends because of `error`: with its status alone if waiting was in vain and -q is given.
    Result<int> end(const Error &error) const;

private:
    bool nonblock_ = false, quiet_ = false;
    std::optional<std::chrono::nanoseconds> timeout_;
    int empty_status_ = status::empty;
};

} // namespace ipc
