// SPDX-License-Identifier: MIT
// The programs here print a figure or end with one sentence; there is nothing in between to recover to.
#pragma once

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

/// End with status 1 and "PROGRAM: text" on stderr. `format` is printf's.
[[noreturn, gnu::format(printf, 1, 2)]] inline void refuse(const char *format, ...)
{
    std::fprintf(stderr, "%s: ", program_invocation_short_name);
    va_list arguments;
    va_start(arguments, format);
    std::vfprintf(stderr, format, arguments);
    va_end(arguments);
    std::fputc('\n', stderr);
    std::exit(EXIT_FAILURE);
}

/// The answer of a system call, or the end of the program with "PROGRAM: WHAT: text of errno".
template <typename Answer> Answer must(const char *what, Answer answer)
{
    if (answer == (Answer)-1)
        refuse("%s: %s", what, std::strerror(errno));
    return answer;
}

/// A positive number, or the end of the program.
inline long number(const char *text)
{
    char *end = nullptr;
    errno = 0;
    long value = std::strtol(text, &end, 10);
    if (errno || end == text || *end || value <= 0)
        refuse("%s is not a positive number", text);
    return value;
}
