// SPDX-License-Identifier: MIT
// One run of a command for one message.
#pragma once

#include "execution.hpp"
#include "taken_message.hpp"

#include <ipc/result.hpp>

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace ipc {

struct Attempt {
    std::string address;    // of the message's queue
    unsigned number = 1;    // of this attempt at the message
    std::size_t worker = 1; // which of those that run side by side this one is
};

/// Is this an error of the message, which the command will never take, rather than of the system?
bool is_unfit(const Error &error);

/// Start it: the payload is its standard input and stands for each `{}` in its arguments, the rest is in its
/// environment (mqrecv(1) says how).
Result<pid_t> start(const Executable &executable, const std::vector<std::string> &words, const TakenMessage &message,
                    const Attempt &attempt);

/// How a command ended, as waitpid() tells it: "exit status 3", "signal 9 (Killed)".
std::string describe_end(int wait_status);

/// The same as a shell has it: 128 + N if signal N ended it.
int shell_status(int wait_status);

} // namespace ipc
