// SPDX-License-Identifier: MIT
// -m, --owner and --group of the commands that create.
#pragma once

#include "command.hpp"
#include "segment.hpp"

namespace ipc {

/// Declare the three options; parse() fills `ownership`.
void declare_ownership(Command &command, Ownership &ownership);

} // namespace ipc
