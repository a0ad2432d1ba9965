// SPDX-License-Identifier: MIT
// fmt, compiled here once. Debian has it as a shared library alone, which would bring the shared C++ runtime into every
// command, and as headers only, which take four seconds more in each file that includes them. So the others see its
// declarations, and this file alone its definitions: those that its declarations leave to a library, kept by their use.
#include <fmt/format.h>

namespace {
[[gnu::used]] const struct {
    std::string (*format)(fmt::string_view, fmt::format_args) = &fmt::vformat;
    bool (*is_printable)(std::uint32_t) = &fmt::detail::is_printable;
    void (*fail)(const char *) = &fmt::detail::throw_format_error;
    void (*assert)(const char *, int, const char *) = &fmt::detail::assert_fail;
    char (*decimal_point)(fmt::detail::locale_ref) = &fmt::detail::decimal_point_impl<char>;
    fmt::detail::thousands_sep_result<char> (*separator)(fmt::detail::locale_ref) =
        &fmt::detail::thousands_sep_impl<char>;
} kept;
} // namespace
