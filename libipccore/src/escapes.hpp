// SPDX-License-Identifier: MIT
// Backslash escapes in what users write: delimiters and formats.
#pragma once

#include <ipc/result.hpp>

#include <string_view>

namespace ipc {

/// Read one escape: `text` starts behind the backslash and is moved behind the escape. \0 \a \e \n \r \t \v \\ and
/// \xNN; others are a usage error.
Result<char> take_escape(std::string_view &text);

} // namespace ipc
