// SPDX-License-Identifier: MIT
// How far a long transfer has come, on standard error: never in what is transferred.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ipc {

/// "1.5G of 4G, 37 %, 820M/s, 3 s left": what is not known is left out. `elapsed` is since the beginning, and the rate
/// is the average since then.
std::string progress_text(std::uint64_t done, std::optional<std::uint64_t> total, std::chrono::nanoseconds elapsed);

/// The display of one transfer, which begins when this is made and ends with it.
///
/// On a terminal it is one line, rewritten four times a second, once the transfer has taken longer than a second, and
/// gone at the end. Elsewhere there is none. `forced`, the terminal shows it from the beginning and keeps its last
/// state; elsewhere it is one line a second, and one at the end.
class Progress {
public:
    /// Where it is shown and what time it is; others than these are for tests.
    struct Place {
        int descriptor;
        std::chrono::nanoseconds (*now)();
    };
    static Place standard_error();

    /// `command` begins each line. `total` is how many bytes there will be, where that is known.
    Progress(std::string_view command, std::optional<std::uint64_t> total, bool forced, Place place = standard_error());
    ~Progress();
    Progress(const Progress &) = delete;

    /// So many bytes are done, from the beginning on. Cheap: a look at a coarse clock.
    void at(std::uint64_t bytes_done)
    {
        done_ = bytes_done;
        if (shown_ && place_.now() >= next_)
            show();
    }

private:
    void show();
    void write(std::string_view line, std::string_view end);

    std::string command_;
    std::optional<std::uint64_t> total_;
    bool forced_, terminal_, shown_;
    Place place_;
    std::chrono::nanoseconds start_, next_;
    std::uint64_t done_ = 0;
    std::size_t width_ = 0; // of what stands on the terminal
};

} // namespace ipc
