// SPDX-License-Identifier: MIT
// Errors on the host's side: formatting with fmt, and the exit status that an error leads to.
#pragma once

#include <ipc/result.hpp>

#include <fmt/format.h>

#include <string_view>

namespace ipc {

/// Exit statuses of all commands.
namespace status {
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int empty = 2; // empty, full, would block, timed out, ended
inline constexpr int usage = 64;
inline constexpr int not_executable = 126; // a command to run is there and could not be
inline constexpr int not_found = 127;      // there is no such command
} // namespace status

/// The code of an error that decides the exit status by itself. It is no errno value: those end at 4095.
constexpr int code_for(int status) { return 10000 + status; }

/// An error of the user in how the command was called.
inline constexpr int usage_code = code_for(status::usage);

template <typename... Arguments>
Error failure(int code, fmt::format_string<Arguments...> format, Arguments &&...arguments)
{
    return Error::of(code, "%s", fmt::format(format, std::forward<Arguments>(arguments)...).c_str());
}

template <typename... Arguments> Error usage_error(fmt::format_string<Arguments...> format, Arguments &&...arguments)
{
    return failure(usage_code, format, std::forward<Arguments>(arguments)...);
}

/// A name without its middle if it is so long that nothing else would stand beside it in an error.
std::string shortened(std::string_view name);

/// The same error with "WHERE: " in front, WHERE shortened so that the reason is never cut off.
Error located(std::string_view where, const Error &error);

/// Why a file, standard output among them, could not be written: strerror(3), with the value of the limit that ulimit
/// -f sets where that is the reason.
std::string write_failure(int code);

/// The status that a command ends with because of `error`: that of code_for(), 2 or 1; 128 + signal when the user
/// interrupted it.
int exit_status(const Error &error);

} // namespace ipc
