// SPDX-License-Identifier: MIT
// ipc/process_mark.hpp - which process it is, beyond its number: for records that outlive it.
//
// A number alone is given to another process one day, so the time of its start belongs to it, and the namespace that
// counts such numbers.
#pragma once

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

namespace ipc {

/// All zero: no process. As it is written into files and segments, and read from there with mistrust.
struct ProcessMark {
    std::int64_t process = 0;
    std::uint64_t start = 0; ///< clock ticks from the machine's boot, in the first time namespace; 0 if not known
    std::uint64_t space = 0; ///< inode of its process namespace; 0 if not known

    friend bool operator==(const ProcessMark &, const ProcessMark &) = default;
    explicit operator bool() const { return process != 0; }
};

/// When a process was started, as its file /proc/PID/stat says it: field 22, behind a name that may hold anything.
inline std::optional<std::uint64_t> parse_process_start(const char *text)
{
    const char *at = std::strrchr(text, ')');
    if (!at || at[1] != ' ')
        return std::nullopt;
    int field = 2;
    for (at++; *at && field < 22; at++)
        field += *at == ' ';
    const std::uint64_t start = field == 22 ? std::strtoull(at, nullptr, 10) : 0;
    return start ? std::optional(start) : std::nullopt;
}

/// What the file says, up to a kilobyte of it; nothing if it cannot be read.
inline std::optional<std::string> read_process_file(const char *path)
{
    char text[1024];
    const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
    const ssize_t length = file ? ::read(file.get(), text, sizeof text) : -1;
    return length > 0 ? std::optional(std::string(text, static_cast<std::size_t>(length))) : std::nullopt;
}

/// Of the process namespace of this process; 0 where /proc does not tell. Always 1 where the kernel has no namespaces.
inline std::uint64_t process_space()
{
    struct stat status;
    if (::stat("/proc/self/ns/pid", &status) == 0)
        return status.st_ino;
    return ::stat("/proc/self/stat", &status) == 0 ? 1 : 0;
}

/// By how many clock ticks /proc shows this process the start of others later than it shows it in the first time
/// namespace, time_namespaces(7). Nothing if that is not known or no whole number.
inline std::optional<std::int64_t> start_offset()
{
    constexpr ino_t first_namespace = 0xEFFFFFFA; // TIME_NS_INIT_INO
    constexpr std::int64_t tick = 10'000'000;     // nanoseconds; /proc counts in hundredths of a second
    struct stat own, of_children;
    if (::stat("/proc/self/ns/time", &own) != 0)
        return errno == ENOENT ? std::optional<std::int64_t>(0) : std::nullopt;
    if (own.st_ino == first_namespace)
        return 0;
    if (::stat("/proc/self/ns/time_for_children", &of_children) != 0 || own.st_ino != of_children.st_ino)
        return std::nullopt; // the file below is about another one
    const std::optional<std::string> offsets = read_process_file("/proc/self/timens_offsets");
    const char *boot = offsets ? std::strstr(offsets->c_str(), "boottime") : nullptr;
    std::int64_t seconds, nanoseconds;
    if (!boot || std::sscanf(boot, "boottime %" SCNd64 " %" SCNd64, &seconds, &nanoseconds) != 2 || nanoseconds % tick)
        return std::nullopt;
    return seconds * (1'000'000'000 / tick) + nanoseconds / tick;
}

/// When the process of a file /proc/PID/stat was started: ticks from boot, the same in every time namespace; 0 if not
/// known.
inline std::uint64_t start_in(const char *stat_file)
{
    const std::optional<std::string> text = read_process_file(stat_file);
    const std::optional<std::uint64_t> start = text ? parse_process_start(text->c_str()) : std::nullopt;
    const std::optional<std::int64_t> offset = start ? start_offset() : std::nullopt;
    return offset ? *start - static_cast<std::uint64_t>(*offset) : 0;
}

/// The start of the process behind a pidfd, which /proc may know by another number than this process does.
inline std::uint64_t start_of(const Fd &handle)
{
    char path[48];
    std::snprintf(path, sizeof path, "/proc/self/fdinfo/%d", handle.get());
    const std::optional<std::string> facts = read_process_file(path);
    const char *line = facts ? std::strstr(facts->c_str(), "\nPid:") : nullptr;
    std::int64_t number;
    if (!line || std::sscanf(line, "\nPid: %" SCNd64, &number) != 1 || number <= 0)
        return 0;
    std::snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", number);
    return start_in(path);
}

/// Of a process that is there, in the namespace of this one.
inline ProcessMark mark_of(std::int64_t process, std::uint64_t space = process_space())
{
    if (process == ::getpid())
        return {process, start_in("/proc/self/stat"), space};
    const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    return {process, handle ? start_of(handle) : 0, space};
}

/// Is the process of that number, which may be another one by now, in the namespace that this one counts in?
inline bool is_of_own_space(const ProcessMark &mark) { return mark.space && mark.space == process_space(); }

/// Has that process ended? Only what is proven counts: no process has its number, or one that was started at another
/// time, or the process is dead and its parent has not asked for its status yet. One of another namespace, or of an
/// unknown one, has not ended as far as is known.
inline bool has_ended(const ProcessMark &mark)
{
    if (mark.process <= 0 || mark.process > INT32_MAX)
        return true; // no process has such a number
    if (!is_of_own_space(mark))
        return false;
    const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, mark.process, 0)));
    if (!handle)
        return errno == ESRCH ||
               (errno == ENOSYS && ::kill(static_cast<pid_t>(mark.process), 0) != 0 && errno == ESRCH);
    pollfd end = {handle.get(), POLLIN, 0}; // once all its threads have ended
    if (::poll(&end, 1, 0) > 0)
        return true;
    const std::uint64_t start = mark.start ? start_of(handle) : 0;
    return start && start != mark.start;
}

} // namespace ipc
