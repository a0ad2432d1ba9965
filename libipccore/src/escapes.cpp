// SPDX-License-Identifier: MIT
#include "escapes.hpp"

#include "error.hpp"
#include "printable.hpp"

#include <charconv>

namespace ipc {

namespace {

Result<char> take_hexadecimal(std::string_view &text)
{
    unsigned value = 0;
    const char *end = text.data() + 2;
    if (text.size() < 2 || std::from_chars(text.data(), end, value, 16).ptr != end)
        return usage_error("\\x needs two hexadecimal digits (\\x0a is a newline)");
    text.remove_prefix(2);
    return char(value);
}

} // namespace

Result<char> take_escape(std::string_view &text)
{
    constexpr std::string_view letters = "0aenrtv\\", values("\0\a\x1b\n\r\t\v\\", 8);
    if (text.empty())
        return usage_error("a backslash at the end stands for nothing (write \\\\ for a backslash)");
    const char letter = text.front();
    text.remove_prefix(1);
    if (letter == 'x')
        return take_hexadecimal(text);
    const auto found = letters.find(letter);
    if (found == letters.npos)
        return usage_error("\\{} is no escape (there are \\0 \\a \\e \\n \\r \\t \\v \\\\ and \\xNN)",
                           printable({&letter, 1}));
    return values[found];
}

} // namespace ipc
