// SPDX-License-Identifier: MIT
#include "process.hpp"

#include "error.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>

namespace ipc {
namespace {

constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;

std::int64_t clock_now(clockid_t clock)
{
    struct timespec now = {};
    clock_gettime(clock, &now);
    return now.tv_sec * nanoseconds_per_second + now.tv_nsec;
}

/// The fields behind comm, of which the first is number 3 in proc(5).
class Fields {
public:
    explicit Fields(std::string_view text) : rest_(text) {}
    std::string_view skip_to(int number)
    {
        std::string_view field;
        for (; at_ <= number; at_++) {
            rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
            field = rest_.substr(0, rest_.find(' '));
            rest_.remove_prefix(field.size());
        }
        return field;
    }

private:
    std::string_view rest_;
    int at_ = 3;
};

} // namespace

std::optional<Process> parse_process(std::string_view text, std::int64_t boot)
{
    constexpr unsigned kernel_thread = 0x00200000; // PF_KTHREAD
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    Process process;
    if (open == text.npos || close == text.npos || close < open ||
        std::from_chars(text.data(), text.data() + open, process.id).ec != std::errc{})
        return std::nullopt;
    process.command = text.substr(open + 1, close - open - 1);
    Fields fields(text.substr(close + 1));
    const std::string_view state = fields.skip_to(3);
    std::int64_t parent = 0, ticks = 0;
    std::uint64_t threads = 0;
    unsigned bits = 0;
    const auto read = [](std::string_view field, auto &number) {
        return std::from_chars(field.data(), field.data() + field.size(), number).ec;
    };
    read(fields.skip_to(4), parent);
    read(fields.skip_to(9), bits);
    read(fields.skip_to(20), threads);
    if (read(fields.skip_to(22), ticks) != std::errc{})
        return std::nullopt;
    static const std::int64_t tick = nanoseconds_per_second / sysconf(_SC_CLK_TCK);
    process.start = boot + ticks * tick;
    process.parent = parent;
    process.threads = threads;
    const bool has_ended = state == "X" || (state == "Z" && threads < 2); // else only its first thread has
    process.without_memory = (bits & kernel_thread) || has_ended;
    return process;
}

std::optional<Process> find_process(std::int64_t id)
{
    const std::int64_t boot = clock_now(CLOCK_REALTIME) - clock_now(CLOCK_BOOTTIME);
    const Fd file(open(fmt::format("/proc/{}/stat", id).c_str(), O_RDONLY | O_CLOEXEC));
    char text[1024]; // comm and fifty numbers
    const ssize_t length = file ? read(file.get(), text, sizeof text) : 0;
    std::optional<Process> process =
        length > 0 ? parse_process({text, static_cast<std::size_t>(length)}, boot) : std::nullopt;
    if (struct stat status; process && fstat(file.get(), &status) == 0)
        process->user = status.st_uid;
    return process;
}

} // namespace ipc
