// SPDX-License-Identifier: MIT
#include "interruption.hpp"

#include <ipc/plugin.h>

#include <sys/time.h>

#include <csignal>
#include <initializer_list>

namespace ipc {
namespace {

volatile std::sig_atomic_t stop_signal = 0, child_ended = 0;
bool children_disturb = false;

/// A timer that fires once after `nanoseconds` and then every 10 ms. The repetition is what closes the gap between a
/// check and the wait behind it: the wait that began too late for the first signal is woken by the next.
void start_timer(std::int64_t nanoseconds)
{
    constexpr std::int64_t microseconds_per_second = 1'000'000;
    const std::int64_t microseconds = nanoseconds < 1000 ? 1 : nanoseconds / 1000;
    itimerval timer = {};
    timer.it_value.tv_sec = microseconds / microseconds_per_second;
    timer.it_value.tv_usec = microseconds % microseconds_per_second;
    timer.it_interval.tv_usec = 10'000;
    setitimer(ITIMER_REAL, &timer, nullptr);
}

void stop_timer()
{
    itimerval timer = {};
    setitimer(ITIMER_REAL, &timer, nullptr);
}

void on_stop(int signal)
{
    stop_signal = signal;
    start_timer(10'000'000);
}

void on_child(int)
{
    child_ended = 1;
    start_timer(10'000'000);
}

void on_timer(int) {}

/// Without SA_RESTART, so that waits end.
void handle(int signal, void (*handler)(int))
{
    struct sigaction action = {};
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
}

/// A signal that the caller ignores (nohup) stays ignored.
bool is_ignored(int signal)
{
    struct sigaction action = {};
    sigaction(signal, nullptr, &action);
    return action.sa_handler == SIG_IGN;
}

} // namespace

void catch_interruptions()
{
    handle(SIGALRM, on_timer);
    for (int signal : {SIGINT, SIGTERM, SIGHUP})
        if (!is_ignored(signal))
            handle(signal, on_stop);
}

void release_interruptions()
{
    for (int signal : {SIGINT, SIGTERM, SIGHUP})
        if (!is_ignored(signal))
            handle(signal, SIG_DFL);
    stop_timer(); // it would outlive exec, where nobody expects its signal
}

int interrupted() { return stop_signal; }

int take_interruption()
{
    const int signal = stop_signal;
    if (!child_ended)
        stop_timer();
    stop_signal = 0;
    return signal;
}

void catch_child_ends()
{
    handle(SIGALRM, on_timer);
    handle(SIGCHLD, on_child);
}

bool take_child_end()
{
    if (!child_ended)
        return false;
    if (!stop_signal)
        stop_timer();
    child_ended = 0; // one that ends between the two lines is not missed: its parent has yet to look
    return true;
}

DisturbedByChildren::DisturbedByChildren() { children_disturb = true; }

DisturbedByChildren::~DisturbedByChildren() { children_disturb = false; }

int disturbed() { return stop_signal ? stop_signal : child_ended && children_disturb; }

void wait_deadline(std::int64_t timeout)
{
    if (timeout == IPC_FOREVER) {
        if (!stop_signal && !child_ended)
            stop_timer();
        return;
    }
    handle(SIGALRM, on_timer);
    start_timer(timeout);
    if (stop_signal || child_ended) // it came before the timer was set, and its own is overwritten now
        start_timer(1);
}

} // namespace ipc
