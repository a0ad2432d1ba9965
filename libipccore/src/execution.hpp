// SPDX-License-Identifier: MIT
// Becoming another program, or running it: what Command::program() took from behind `--`.
#pragma once

#include "error.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ipc {

/// Variables that the program finds in its environment beside those of the command; without a value: that it does not
/// find there.
using Environment = std::vector<std::pair<std::string, std::optional<std::string>>>;

/// Replace this process by the program `words`, looked for in PATH: status and signals are the program's own from then
/// on. Descriptors go along unless they are close-on-exec. Returns only if that failed, with an error that leads to
/// status 127 (there is no such program) or 126 (it cannot be executed), or EINTR if the user had asked to stop before;
/// in every case signals have their original effect by then.
Error execute(const std::vector<std::string> &words, const Environment &environment);

/// A program that is run again and again, and looked for once.
class Executable {
public:
    /// Looked for in PATH as execute() does, and with its errors: before anything is done that cannot be undone.
    static Result<Executable> find(const std::string &word);

    /// Start it as a child; `words` are its name and arguments, standard input is `input`. It gets no other descriptor
    /// that is close-on-exec, and a process group of its own, so that signals of the terminal do not reach it. Signals
    /// are treated there as the caller of this process has it (inherited_signals.hpp). E2BIG if the arguments are more
    /// than the system passes on; an error of execute() if it cannot be executed after all.
    Result<pid_t> start(const std::vector<std::string> &words, const Environment &environment, int input) const;

private:
    explicit Executable(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

} // namespace ipc
