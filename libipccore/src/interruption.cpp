// SPDX-License-Identifier: MIT
#include "interruption.hpp"

#include "inherited_signals.hpp"

#include <ipc/deadline.hpp>
#include <ipc/plugin.h>

#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <initializer_list>
#include <pthread.h>
#include <thread>

#ifndef sigev_notify_thread_id // before glibc 2.38
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace ipc {
namespace {

volatile std::sig_atomic_t stop_signal = 0, child_ended = 0;
bool children_disturb = false;
int deadly_signal = 0;

// ---- ticks: a signal of our own, for nothing but to end a wait ----

/// Moments of the monotonic clock; 0 is never. From `wanted` on waits are to end; `next_tick` is what the timer is set
/// to. A timer that is not wanted any more is left to run out, since most waits are short, and the next one often finds
/// it set.
std::atomic<std::int64_t> wanted = 0, next_tick = 0;
/// The repetition is what closes the gap between a check and the wait behind it: the wait that began too late for the
/// first tick is ended by the next.
constexpr std::int64_t repetition = 10'000'000;

timer_t timer = {};
pid_t timer_thread = 0; // whose waits it ends

/// One that nobody else uses, and no timer of alarm(2) and setitimer(2), which the caller may have set.
int tick_signal() { return SIGRTMAX - 5; }

/// Of this thread: a child process has none of its parent's.
bool has_timer()
{
    const pid_t thread = gettid();
    if (timer_thread == thread)
        return true;
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = tick_signal();
    event.sigev_notify_thread_id = thread;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        return false;
    timer_thread = thread;
    return true;
}

/// Where the user's limit of pending signals (RLIMIT_SIGPENDING) leaves no timer: a thread that looks at the clock. A
/// signal from kill(2) is not counted.
std::atomic<bool> has_clock_watcher = false;

void watch_clock()
{
    for (timespec pause = timespec_of(repetition);; nanosleep(&pause, nullptr)) {
        const std::int64_t next = next_tick;
        if (next && next <= monotonic_now())
            kill(getpid(), tick_signal());
    }
}

void start_clock_watcher()
{
    const HeldSignals held; // which the thread inherits
    has_clock_watcher = true;
    try {
        std::thread(watch_clock).detach();
    } catch (const std::system_error &) { // waits end by their first signal, as ever
        has_clock_watcher = false;
    }
}

/// In handlers too: the calls are system calls and nothing more.
void tick_at(std::int64_t moment)
{
    next_tick = moment;
    itimerspec times = {};
    times.it_value = timespec_of(moment);
    if (has_timer())
        timer_settime(timer, TIMER_ABSTIME, &times, nullptr);
}

void tick_until(std::int64_t moment)
{
    const std::int64_t next = next_tick;
    if (next == 0 || next > moment)
        tick_at(moment);
}

/// Somebody else's signal of that number does what it would do without us.
void on_foreign_tick(int signal)
{
    if (is_ignored_by_caller(signal) || is_blocked_by_caller(signal))
        return;
    restore_signal(signal);
    std::raise(signal);
}

void on_tick(int signal, siginfo_t *info, void *)
{
    const int code = errno;
    if (info->si_code != SI_TIMER && !has_clock_watcher)
        return on_foreign_tick(signal);
    next_tick = 0;
    const std::int64_t now = monotonic_now(), end = wanted;
    if (stop_signal || child_ended || (end && end <= now))
        tick_until(now + repetition);
    else if (end)
        tick_until(end);
    errno = code;
}

/// Without SA_RESTART, so that waits end.
void handle(int signal, void (*handler)(int))
{
    struct sigaction action = {};
    action.sa_handler = handler;
    change_signal(signal, action);
}

void expect_ticks()
{
    static bool is_expected = false;
    if (is_expected)
        return;
    is_expected = true;
    struct sigaction action = {};
    action.sa_sigaction = on_tick;
    action.sa_flags = SA_SIGINFO;
    change_signal(tick_signal(), action);
    unblock_signal(tick_signal());
}

void on_stop(int signal)
{
    const int code = errno;
    stop_signal = signal;
    tick_until(monotonic_now() + repetition);
    errno = code;
}

void on_child(int)
{
    const int code = errno;
    child_ended = 1;
    tick_until(monotonic_now() + repetition);
    errno = code;
}

} // namespace

void catch_interruptions()
{
    expect_ticks();
    for (int signal : {SIGINT, SIGTERM, SIGHUP})
        if (!is_ignored_by_caller(signal)) // as nohup(1) has it
            handle(signal, on_stop);
}

void catch_deadly_signals()
{
    for (int signal : {SIGQUIT, SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2, SIGXCPU, SIGIO, SIGPWR, SIGSTKFLT})
        if (!is_ignored_by_caller(signal))
            handle(signal, on_stop);
}

/// Ignoring the ticks forgets one that waits to be delivered, which would end the process that has no handler.
void release_interruptions()
{
    hold_signals();
    next_tick = 0;
    const itimerspec never = {};
    if (timer_thread)
        timer_settime(timer, 0, &never, nullptr);
    std::signal(tick_signal(), SIG_IGN);
    restore_signals();
}

int interrupted() { return stop_signal; }

int take_interruption()
{
    const int signal = stop_signal;
    stop_signal = 0;
    return signal;
}

void catch_child_ends()
{
    expect_ticks();
    handle(SIGCHLD, on_child);
    unblock_signal(SIGCHLD);
}

bool take_child_end()
{
    if (!child_ended)
        return false;
    child_ended = 0; // one that ends between the two lines is not missed: its parent has yet to look
    return true;
}

DisturbedByChildren::DisturbedByChildren() { children_disturb = true; }

DisturbedByChildren::~DisturbedByChildren() { children_disturb = false; }

int disturbed() { return stop_signal ? stop_signal : child_ended && children_disturb; }

void wait_deadline(std::int64_t timeout)
{
    if (timeout == IPC_FOREVER) {
        wanted = 0;
        return;
    }
    static bool is_ready = false;
    if (!is_ready) {
        is_ready = true;
        expect_ticks();
        pthread_atfork(nullptr, nullptr, [] {
            next_tick = 0;
            has_clock_watcher = false;
        });
        next_tick = 0; // what it says may be a parent's
    }
    const std::int64_t now = monotonic_now();
    const std::int64_t end = timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
    wanted = end;
    tick_until(end);
    if (!timer_thread && !has_clock_watcher) [[unlikely]]
        start_clock_watcher();
}

void end_by_signal(int signal) { deadly_signal = signal; }

void die_if_asked_to()
{
    if (!deadly_signal)
        return;
    const rlimit none = {};
    setrlimit(RLIMIT_CORE, &none); // there is nothing wrong with this process
    std::signal(deadly_signal, SIG_DFL);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, deadly_signal);
    sigprocmask(SIG_UNBLOCK, &one, nullptr);
    std::raise(deadly_signal);
}

} // namespace ipc
