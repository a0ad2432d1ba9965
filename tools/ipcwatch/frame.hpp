// SPDX-License-Identifier: MIT
// The model as text: a table for people and logs, a line of JSON for programs.
#pragma once

#include "model.hpp"

#include <string>

namespace ipc::watch {

/// A sample as lines of text without control characters, all columns as wide as they must be.
std::string frame_of(const Model &model);

/// A sample as one line: {"time", "objects", "limits", "notices"}.
std::string json_line_of(const Model &model);

} // namespace ipc::watch
