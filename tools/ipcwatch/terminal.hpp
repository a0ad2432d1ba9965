// SPDX-License-Identifier: MIT
// The terminal as a full screen, and the promise that it is given back as it was: on return, on SIGINT, SIGTERM,
// SIGHUP and SIGQUIT, when the program is suspended, and when it crashes.
#pragma once

#include <ipc/fd.hpp>
#include <ipc/result.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace ipc::watch {

/// A key: a character's code point, or special(KEY_…) of curses.
using Key = std::int32_t;
constexpr Key special(int code) { return -code; }

/// There is at most one at a time.
class Terminal {
public:
    /// Take over the terminal on standard input and output. Signals that end, suspend or resize the program are events
    /// from now on. ENOTTY or EINVAL if there is no terminal that can show a screen.
    static Result<std::unique_ptr<Terminal>> open(bool colors);
    ~Terminal();
    Terminal(const Terminal &) = delete;

    enum class Event {
        due,     // the time has come
        key,     // key() has one
        redraw,  // it was resized, or resumed after having been suspended
        ended,   // a signal asked to end: signal()
        hung_up, // it is gone
    };
    /// The next event, at `due` at the latest.
    Event wait(std::chrono::steady_clock::time_point due);

    /// The next key that was pressed, if any is left.
    std::optional<Key> key();
    /// Can anything still come from it?
    bool is_there() const;
    int signal() const { return signal_; }

private:
    Terminal() = default;
    Event take_signal();
    void suspend();

    Fd signals_;
    int signal_ = 0;
};

} // namespace ipc::watch
