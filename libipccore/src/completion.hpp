// SPDX-License-Identifier: MIT
// What a shell offers when the user presses Tab, asked as `COMMAND --complete INDEX WORD...`.
#pragma once

#include "command_line.hpp"

#include <string>

namespace ipc {

/// One candidate a line, `word` or `word TAB description`, for the word at INDEX (1 is the first behind the command).
/// The words of the line are INDEX itself and the words so far. Where files are wanted, the one line is `:files`.
std::string completion_text(const CommandLine &line);

} // namespace ipc
