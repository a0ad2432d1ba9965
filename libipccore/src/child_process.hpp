// SPDX-License-Identifier: MIT
// A command that this process runs and waits for, as if it were that command: semlock(1).
#pragma once

#include "execution.hpp"
#include "inherited_signals.hpp"

#include <ipc/fd.hpp>

#include <functional>

namespace ipc {

/// How a process ended.
struct ChildEnd {
    int status; ///< as a shell has it: its exit status, or 128 and the signal
    int signal; ///< that ended it; 0 if none did
};

/// What of this process the command holds on to.
enum class Keep {
    nothing,
    /// Its descriptors and its System V undo list, semop(2), until the command has ended, whatever the command does
    /// with its own and whoever is killed before: a second process shares them.
    resources
};

/// No signal is delivered to this process while one exists.
class ChildProcess {
public:
    ChildProcess() = default;
    ChildProcess(const ChildProcess &) = delete;
    ChildProcess &operator=(const ChildProcess &) = delete;
    /// Waits for the second process of Keep::resources, which ends with the child. The child has been waited for.
    ~ChildProcess();

    /// Start the program, which is killed when this process is. `prepare` runs in the child, in this process's memory,
    /// right before it becomes the program; its error is returned. An error as of execute() if there is nothing to run.
    Result<void> start(const std::vector<std::string> &words, const Environment &environment,
                       const std::function<Result<void>()> &prepare, Keep keep);

    /// Until it has ended. Signals that somebody sends to this process alone go on to it, all but SIGKILL and SIGSTOP;
    /// those of the terminal, which reach both, are left to it. One that stops processes stops both.
    Result<ChildEnd> wait();

private:
    Result<void> start_keeper();

    HeldSignals held_;
    pid_t child_ = 0;
    pid_t keeper_ = 0;
    Fd handle_; ///< of the child, pidfd_open(2), for the keeper
};

} // namespace ipc
