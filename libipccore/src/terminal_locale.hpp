// SPDX-License-Identifier: MIT
// What the user's terminal draws, as far as the environment says it: LC_ALL, LC_CTYPE, LANG. A locale that is not
// installed counts as C.UTF-8 where its name ends in UTF-8, and else as C.
#pragma once

#include <clocale>
#include <cstdint>

namespace ipc {

/// For setlocale(3) and its like, of LC_CTYPE. Loads the locale at the first call.
const char *terminal_locale_name();

/// Does the terminal take text as UTF-8, and is it known how many columns this character has there? Loads the locale at
/// the first call, which costs more than many a command: not for ASCII.
bool terminal_draws(std::uint32_t code);

/// While it lives, functions of the C library find that locale in this thread, wcwidth(3) and mbstowcs(3) among them.
class TerminalLocale {
public:
    TerminalLocale();
    TerminalLocale(const TerminalLocale &) = delete;
    TerminalLocale &operator=(const TerminalLocale &) = delete;
    ~TerminalLocale();

private:
    locale_t before_;
};

} // namespace ipc
