// SPDX-License-Identifier: MIT
#include "terminal_locale.hpp"

#include <cstdlib>
#include <cwchar>
#include <langinfo.h>
#include <string_view>

namespace ipc {
namespace {

/// The first that is set and not empty decides, as setlocale(3) has it.
std::string_view asked_for()
{
    for (const char *variable : {"LC_ALL", "LC_CTYPE", "LANG"})
        if (const char *value = std::getenv(variable); value && *value)
            return value;
    return {};
}

bool ends_in_utf8(std::string_view name)
{
    for (const std::string_view suffix : {"UTF-8", "utf-8", "UTF8", "utf8"})
        if (name.ends_with(suffix))
            return true;
    return false;
}

struct Loaded {
    const char *name = "";
    locale_t locale = newlocale(LC_CTYPE_MASK, "", nullptr);
    bool is_utf8;

    Loaded()
    {
        if (!locale && ends_in_utf8(asked_for()))
            locale = newlocale(LC_CTYPE_MASK, name = "C.UTF-8", nullptr);
        if (!locale)
            locale = newlocale(LC_CTYPE_MASK, name = "C", nullptr);
        is_utf8 = locale && std::string_view(nl_langinfo_l(CODESET, locale)) == "UTF-8";
    }
};

/// Never freed: it lives as long as the process.
const Loaded &loaded()
{
    static const Loaded once;
    return once;
}

} // namespace

const char *terminal_locale_name() { return loaded().name; }

bool terminal_draws(std::uint32_t code)
{
    if (!loaded().is_utf8)
        return false;
    const TerminalLocale within;
    return ::wcwidth(static_cast<wchar_t>(code)) >= 0;
}

TerminalLocale::TerminalLocale() : before_(uselocale(loaded().locale)) {}

TerminalLocale::~TerminalLocale() { uselocale(before_); }

} // namespace ipc
