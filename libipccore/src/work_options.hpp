// SPDX-License-Identifier: MIT
// The options by which a command is run for each message: -P, --retries, --dead-letter, --journal, and -- COMMAND.
#pragma once

#include "command.hpp"
#include "queue.hpp"

#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ipc {

/// Declared before parse(), asked behind it.
class WorkOptions {
public:
    void declare(Command &command);

    /// Is there a command to run?
    bool given() const { return !program_.empty(); }
    /// A usage error if there is none and an option wants one.
    Result<void> check() const;

    /// Run it for so many messages, each waited for as long; see Workers::run(). Whatever may be missing, the command
    /// itself, the dead letters' queue, the journal, is missed before a message is taken.
    Result<int> work(const Command &command, Queue &queue, std::uint64_t messages, std::int64_t timeout,
                     bool verbose) const;

private:
    std::vector<std::string> program_;
    std::optional<std::size_t> workers_;
    std::optional<unsigned> retries_;
    std::optional<Address> dead_letters_;
    std::optional<std::string> journal_;
};

} // namespace ipc
