// SPDX-License-Identifier: MIT
// Text in columns of a terminal: how wide it is, and how it is cut and padded. Follows the LC_CTYPE locale.
#pragma once

#include <string>
#include <string_view>

namespace ipc::watch {

/// Does the locale encode characters as UTF-8? If not, only ASCII may be drawn.
bool locale_is_utf8();

/// Columns that `text`, which is printable(), takes. A character that the locale cannot draw counts as the `?` that
/// stands for it.
int width_of(std::string_view text);

enum class Align { left, right };

/// `text`, which is printable(), in exactly `width` columns: padded, or cut with an ellipsis at its end. A wide
/// character that would straddle the edge gives way to a blank.
std::string fit(std::string_view text, int width, Align align = Align::left);

/// `text` broken at blanks into lines of at most `width` columns.
std::string wrapped(std::string_view text, int width);

} // namespace ipc::watch
