// SPDX-License-Identifier: MIT
// ipc/process_mark.hpp - which process it is, beyond its number: for records that outlive it.
//
// A number alone is given to another process one day, so the time of its start belongs to it, and the namespace that
// counts such numbers.
#pragma once

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace ipc {

/// All zero: no process. As it is written into files and segments, and read from there with mistrust.
struct ProcessMark {
    std::int64_t process = 0;
    std::uint64_t start = 0; ///< clock ticks from the machine's boot; 0 if not known
    std::uint64_t space = 0; ///< inode of its process namespace; 0 if not known

    friend bool operator==(const ProcessMark &, const ProcessMark &) = default;
    explicit operator bool() const { return process != 0; }
};

/// What /proc/PID/stat says of a process.
struct ProcessState {
    char state = '?';
    std::uint64_t threads = 0;
    std::uint64_t start = 0;
};

/// The fields behind the name, which may hold anything: 3 is the state, 20 the number of threads, 22 the start.
inline std::optional<ProcessState> parse_process_state(const char *text)
{
    const char *at = std::strrchr(text, ')');
    if (!at || at[1] != ' ')
        return std::nullopt;
    ProcessState found;
    found.state = at[2];
    at += 2;
    for (int field = 3; field < 22 && *at; at++) {
        if (*at != ' ')
            continue;
        field++;
        if (field == 20)
            found.threads = std::strtoull(at + 1, nullptr, 10);
        if (field == 22)
            found.start = std::strtoull(at + 1, nullptr, 10);
    }
    return found.start ? std::optional(found) : std::nullopt;
}

/// Nothing if it has ended, or may not be seen.
inline std::optional<ProcessState> process_state(std::int64_t process)
{
    char path[48], text[1024];
    std::snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", process);
    const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
    const ssize_t length = file ? ::read(file.get(), text, sizeof text - 1) : -1;
    if (length <= 0)
        return std::nullopt;
    text[length] = '\0';
    return parse_process_state(text);
}

/// Of this process; 0 where there is no /proc.
inline std::uint64_t process_space()
{
    struct stat status;
    return ::stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

/// Of a process that is there, in the namespace of this one.
inline ProcessMark mark_of(std::int64_t process, std::uint64_t space = process_space())
{
    const std::optional<ProcessState> state = process_state(process);
    return {process, state ? state->start : 0, space};
}

/// Has that process ended? One of another namespace, or that cannot be seen, has not as far as is known. One that is
/// dead and whose parent has not asked for its status yet has.
inline bool has_ended(const ProcessMark &mark)
{
    if (mark.process <= 0 || mark.process > INT32_MAX)
        return true; // no process has such a number
    if (mark.space && mark.space != process_space())
        return false;
    if (::kill(static_cast<pid_t>(mark.process), 0) != 0 && errno == ESRCH)
        return true;
    const std::optional<ProcessState> now = process_state(mark.process);
    if (!now)
        return false;
    const bool is_dead = (now->state == 'Z' || now->state == 'X') && now->threads <= 1;
    return is_dead || (mark.start && now->start != mark.start);
}

} // namespace ipc
