// SPDX-License-Identifier: MIT
// Making text from outside harmless: names, process names and payloads may hold any byte.
#pragma once

#include <string>
#include <string_view>

namespace ipc {

/// `text` for a terminal: control characters (C0, DEL, C1), those that turn the direction of writing, and
/// bytes that are not UTF-8 become \xNN; everything else stays, a backslash too.
std::string printable(std::string_view text);

/// A name as it stands in a list: in quotes where it could be taken for more than one word of it.
std::string quoted_name(std::string_view name);

/// Percent-encode all of `text` but letters, digits, `/ . _ - + , : @ = ~ ^` and printable characters beyond ASCII, so
/// that an address can be pasted into a shell and is never taken for a pattern.
std::string percent_encoded(std::string_view text);

/// The inverse. A `%` that no two hexadecimal digits follow stands for itself.
std::string percent_decoded(std::string_view text);

/// Does every `%` have two hexadecimal digits behind it, so that percent_decoded() understands all of it?
bool is_percent_encoded(std::string_view text);

/// Is all of `text` valid UTF-8 (RFC 3629: shortest form, no surrogates)?
bool is_utf8(std::string_view text);

} // namespace ipc
