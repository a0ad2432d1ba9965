// SPDX-License-Identifier: MIT
// Who a process is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ipc {

struct Process {
    std::int64_t id = 0;
    std::int64_t start = 0; // nanoseconds since 1970, from /proc/PID/stat and the time of boot; to 10 ms
    std::int64_t parent = 0;
    std::uint64_t threads = 0;
    std::uint32_t user = 0;
    bool without_memory = false; // a kernel thread, or it has ended and waits for its parent
    std::string command;         // comm; any byte
};

/// Nothing if there is no such process, or if it is not visible from here. Needs no permission.
std::optional<Process> find_process(std::int64_t id);

/// The same from the text of /proc/PID/stat, without `user`. `boot` is when the system started, in nanoseconds since
/// 1970. Nothing if it is malformed. comm, in parentheses, may itself hold parentheses, blanks and newlines.
std::optional<Process> parse_process(std::string_view text, std::int64_t boot);

} // namespace ipc
