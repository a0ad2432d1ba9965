// SPDX-License-Identifier: MIT
// Becoming another program: what Command::program() took from behind `--`.
#pragma once

#include "error.hpp"

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

} // namespace ipc
