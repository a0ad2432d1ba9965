// SPDX-License-Identifier: MIT
// Making text from outside harmless: names, process names and payloads may hold any byte.
#pragma once

#include <string>
#include <string_view>

namespace ipc
{

/// `text` for a terminal: control characters (C0, DEL, C1) and bytes that are not UTF-8 become \xNN, a backslash
/// stays. What a terminal would draw stays as it is.
std::string printable(std::string_view text);

/// Percent-encode what may not stand literally in the name or a value of an address: control characters, bytes that
/// are not UTF-8, blanks, `%`, `?`, `&` and the shell's own quotes, `$`, `*`, `[` … stay only if they need no quoting.
std::string percent_encoded(std::string_view text);

/// The inverse. A `%` that no two hexadecimal digits follow stands for itself.
std::string percent_decoded(std::string_view text);

/// Is all of `text` valid UTF-8 (RFC 3629: shortest form, no surrogates)?
bool is_utf8(std::string_view text);

} // namespace ipc
