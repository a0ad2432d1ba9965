// SPDX-License-Identifier: MIT
// Making text from outside harmless: names, process names and payloads may hold any byte.
#pragma once

#include <ipc/quoted_name.hpp>

#include <string>
#include <string_view>

namespace ipc {

/// For whom text is written. A terminal draws what its locale knows (see terminal_locale.hpp), and beyond ASCII nothing
/// unless that locale is UTF-8; what is UTF-8 by its format, such as JSON, is the same in every locale.
enum class Charset { terminal, utf8 };

/// `text` made harmless: control characters (C0, DEL, C1), those that turn the direction of writing, bytes that are not
/// UTF-8, and what `charset` has not become \xNN; everything else stays, a backslash too.
std::string printable(std::string_view text, Charset charset);
/// For a terminal.
std::string printable(std::string_view text);

/// Percent-encode all of `text` but letters, digits, `/ . _ - + , : @ = ~ ^` and those printable characters beyond
/// ASCII that `charset` has, so that an address can be pasted into a shell and is never taken for a pattern.
std::string percent_encoded(std::string_view text, Charset charset);
/// For a terminal.
std::string percent_encoded(std::string_view text);

/// The inverse. A `%` that no two hexadecimal digits follow stands for itself.
std::string percent_decoded(std::string_view text);

/// Does every `%` have two hexadecimal digits behind it, so that percent_decoded() understands all of it?
bool is_percent_encoded(std::string_view text);

/// Is all of `text` valid UTF-8 (RFC 3629: shortest form, no surrogates)?
bool is_utf8(std::string_view text);

} // namespace ipc
