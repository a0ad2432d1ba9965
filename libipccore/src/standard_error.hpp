// SPDX-License-Identifier: MIT
// What goes to stderr without a command's name in front of it.
#pragma once

#include <string_view>

namespace ipc {

/// Write all of it, with as many calls as it takes: for the last trace of messages that no queue holds any more.
void write_to_stderr(std::string_view text);

} // namespace ipc
