// SPDX-License-Identifier: MIT
#include "thread_status.hpp"

#include "error.hpp"

#include <ipc/fd.hpp>
#include <ipc/plugin.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string>
#include <string_view>

namespace ipc {
namespace {

/// Its first four thousand bytes; empty if it cannot be read.
std::string small_file(const std::string &path)
{
    std::string text(4096, '\0');
    const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const ssize_t length = file ? read(file.get(), text.data(), text.size()) : 0;
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    return text;
}

/// "se.exec_start   :   12979928.358007", in milliseconds. Behind a first line with the name of the process.
std::optional<std::int64_t> last_run(const std::string &path)
{
    const std::string text = small_file(path);
    const std::size_t line = text.find("\nse.exec_start");
    const std::size_t colon = text.find(':', line == text.npos ? line : line + 1);
    if (line == text.npos || colon == text.npos)
        return std::nullopt;
    const std::size_t number = text.find_first_not_of(' ', colon + 1);
    std::int64_t milliseconds = 0; // the rest does not matter, and numbers with a point would bring in libm
    if (number == text.npos ||
        std::from_chars(text.data() + number, text.data() + text.size(), milliseconds).ec != std::errc{})
        return std::nullopt;
    return milliseconds * 1'000'000;
}

/// On the line of a status file that begins so; 0 if there is none. The name of the process, which may hold anything,
/// stands before all others, its newlines escaped.
std::int64_t last_number(const std::string &path, std::string_view line)
{
    const std::string text = small_file(path);
    std::size_t start = text.find(line);
    if (start == text.npos)
        return 0;
    const std::size_t end = std::min(text.find('\n', start + 1), text.size());
    start = text.find_last_of("\t ", end - 1) + 1;
    std::int64_t number = 0;
    std::from_chars(text.data() + start, text.data() + end, number);
    return number;
}

std::int64_t nanoseconds_now()
{
    struct timespec now = {};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

} // namespace

std::optional<std::int64_t> process_of_thread(std::int64_t thread)
{
    const std::int64_t process = last_number(fmt::format("/proc/{}/status", thread), "\nTgid:");
    return process ? std::optional(process) : std::nullopt;
}

std::int64_t innermost_number(std::int64_t process, std::int64_t thread)
{
    return last_number(fmt::format("/proc/{}/task/{}/status", process, thread), "\nNSpid:");
}

bool may_look_into(std::int64_t process)
{
    return Fd(open(fmt::format("/proc/{}/maps", process).c_str(), O_RDONLY | O_CLOEXEC)) ||
           (errno != EACCES && errno != EPERM);
}

std::int64_t asleep_since(std::int64_t process, std::int64_t thread)
{
    // Both by the scheduler's clock, which has no relation to others.
    const std::optional<std::int64_t> then = last_run(fmt::format("/proc/{}/task/{}/sched", process, thread));
    const std::optional<std::int64_t> now = last_run("/proc/thread-self/sched");
    return then && now ? nanoseconds_now() - std::max<std::int64_t>(*now - *then, 0) : IPC_NO_TIME;
}

bool waits_for_child(std::int64_t process)
{
    const std::string text = small_file(fmt::format("/proc/{}/syscall", process));
    std::int64_t call = -1;
    std::from_chars(text.data(), text.data() + text.size(), call);
    return call == SYS_wait4 || call == SYS_waitid || call == SYS_rt_sigtimedwait;
}

} // namespace ipc
