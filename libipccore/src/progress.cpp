// SPDX-License-Identifier: MIT
#include "progress.hpp"

#include "quantity.hpp"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <iterator>

namespace ipc {
namespace {

using namespace std::chrono_literals;

std::chrono::nanoseconds coarse_now()
{
    timespec time = {};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// "45 s", "3 min 20 s", "5 h 12 min": two units are enough to plan by.
std::string duration_text(double duration)
{
    const std::uint64_t seconds = (static_cast<std::uint64_t>(duration * 10) + 5) / 10;
    if (seconds < 60)
        return fmt::format("{} s", seconds);
    if (seconds < 3600)
        return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

/// In the foreground: others would scribble over what the user does now.
bool is_own_terminal(int fd) { return isatty(fd) && tcgetpgrp(fd) == getpgrp(); }

std::size_t columns_of(int fd)
{
    winsize size = {};
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

} // namespace

std::string progress_text(std::uint64_t done, std::optional<std::uint64_t> total, std::chrono::nanoseconds elapsed)
{
    std::string text = format_size(done);
    auto end = std::back_inserter(text);
    if (total)
        fmt::format_to(end, " of {}", format_size(*total));
    if (total && *total > 0)
        fmt::format_to(end, ", {} %", static_cast<unsigned>(100.0 * double(done) / double(*total)));
    const double seconds = std::chrono::duration<double>(elapsed).count();
    if (seconds <= 0)
        return text;
    const double rate = double(done) / seconds;
    fmt::format_to(end, ", {}/s", format_size(static_cast<std::uint64_t>(rate)));
    constexpr double longest = 365.0 * 86400; // nobody plans by more
    if (const double rest = double(total.value_or(done)) - double(done); rest > 0 && rest < longest * rate)
        fmt::format_to(end, ", {} left", duration_text(rest / rate));
    return text;
}

Progress::Place Progress::standard_error() { return {STDERR_FILENO, coarse_now}; }

Progress::Progress(std::string_view command, std::optional<std::uint64_t> total, bool forced, Place place)
    : command_(command), total_(total), forced_(forced), terminal_(is_own_terminal(place.descriptor)),
      shown_(forced || terminal_), place_(place), start_(place.now()), next_(start_ + (forced && terminal_ ? 0s : 1s))
{
}

Progress::~Progress()
{
    if (forced_)
        write(progress_text(done_, total_, place_.now() - start_), "\n");
    else if (width_ > 0)
        write({}, "\r");
}

void Progress::show()
{
    write(progress_text(done_, total_, place_.now() - start_), terminal_ ? "" : "\n");
    next_ = place_.now() + (terminal_ ? 250ms : 1000ms);
}

/// On a terminal over what stands there. What cannot be written is nobody's loss.
void Progress::write(std::string_view text, std::string_view end)
{
    std::string line = text.empty() ? std::string() : fmt::format("{}: {}", command_, text);
    if (terminal_) {
        line.resize(std::min(line.size(), columns_of(place_.descriptor) - 1));
        const std::size_t width = line.size();
        line.resize(std::max(width, width_), ' ');
        line.insert(0, 1, '\r');
        width_ = width;
    }
    line += end;
    (void)!::write(place_.descriptor, line.data(), line.size());
}

} // namespace ipc
