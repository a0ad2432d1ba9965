// SPDX-License-Identifier: MIT
#include "guarded_access.hpp"

#include "error.hpp"
#include "inherited_signals.hpp"

#include <ipc/plugin.h>

#include <csetjmp>
#include <csignal>
#include <ctime>
#include <pthread.h>

namespace ipc {
namespace {

struct Guard {
    const std::uintptr_t begin, length;
    const std::int64_t ticks; // that it may see; -1 is any number
    Guard *volatile outer;
    volatile std::int64_t seen;
    volatile std::uintptr_t fault;
    sigjmp_buf back; // left as it is: clearing it takes longer than setting it

    Guard(const void *memory, std::size_t bytes, std::int64_t most)
        : begin(reinterpret_cast<std::uintptr_t>(memory)), length(bytes), ticks(most), outer(nullptr), seen(0), fault(0)
    {
    }
};
Guard *volatile guard = nullptr; // the innermost

/// Leaves those guards too that stand inside of the one whose memory it is.
void on_fault(int signal, siginfo_t *info, void *)
{
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    for (Guard *one = info->si_code > 0 ? guard : nullptr; one; one = one->outer)
        if (address - one->begin < one->length) {
            one->fault = address - one->begin;
            siglongjmp(one->back, EFAULT);
        }
    // Somebody else's: as if there were no guard.
    restore_signal(signal);
    std::raise(signal);
}

/// Without SA_NODEFER the jump would have to restore the mask of signals, a system call for each use.
void handle(int signal, struct sigaction action)
{
    action.sa_flags |= SA_NODEFER;
    sigemptyset(&action.sa_mask);
    change_signal(signal, action);
    unblock_signal(signal);
}

void expect_faults()
{
    static bool is_expected = false;
    if (is_expected)
        return;
    is_expected = true;
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    handle(SIGBUS, action);
}

/// A clock that ticks while timed attempts are made: setting it for each would cost more than most of them. A timer of
/// its own with a signal of its own, since that of interruption.hpp may be running.
constexpr std::int64_t tick = 250'000'000;
timer_t ticker = {};
volatile std::sig_atomic_t is_ticking = 0, was_needed = 0;
int tick_signal() { return SIGRTMAX - 6; }

void set_ticker(std::int64_t nanoseconds)
{
    const timespec time = {0, nanoseconds};
    const itimerspec times = {time, time};
    timer_settime(ticker, 0, &times, nullptr);
    is_ticking = nanoseconds != 0;
}

/// Not at the first tick, which may have waited while this process was stopped: what is called shall have had some
/// time.
void on_tick(int signal, siginfo_t *info, void *)
{
    if (info->si_code != SI_TIMER) {
        restore_signal(signal);
        std::raise(signal);
    } else if (guard && guard->ticks >= 0) {
        const std::int64_t seen = guard->seen;
        guard->seen = seen + 1;
        if (seen > guard->ticks)
            siglongjmp(guard->back, ETIMEDOUT);
    } else if (!was_needed) {
        set_ticker(0);
    }
    was_needed = 0;
}

/// A child process has no timer of its parent's. False where the user's limit of pending signals leaves none: then an
/// attempt takes as long as it takes.
bool make_ticker()
{
    static bool is_made = false, is_watched = false;
    if (is_made)
        return true;
    if (!is_watched)
        ::pthread_atfork(nullptr, nullptr, [] { is_made = false; });
    is_watched = true;
    struct sigaction action = {};
    action.sa_sigaction = on_tick;
    action.sa_flags = SA_RESTART | SA_SIGINFO;
    handle(tick_signal(), action);
    sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = tick_signal();
    is_made = timer_create(CLOCK_MONOTONIC, &event, &ticker) == 0;
    is_ticking = 0;
    return is_made;
}

void need_ticks()
{
    was_needed = 1;
    if (make_ticker() && !is_ticking)
        set_ticker(tick);
}

/// 0, or why `work` was given up.
int run(Guard &ours, void (*work)(void *context), void *context)
{
    expect_faults();
    ours.outer = guard;
    const int reason = sigsetjmp(ours.back, 0);
    if (!reason) {
        guard = &ours;
        work(context);
    }
    guard = ours.outer;
    return reason;
}

} // namespace

Result<void> guarded_access(std::span<const std::byte> memory, void (*access)(void *context), void *context)
{
    Guard ours(memory.data(), memory.size(), -1);
    if (!run(ours, access, context))
        return {};
    return failure(EIO, "its memory at offset {} is gone: somebody made it smaller, or no memory is left for it",
                   std::uintptr_t(ours.fault));
}

int guarded_attempt(const void *memory, std::uint64_t length, std::int64_t timeout, void (*work)(void *context),
                    void *context)
{
    Guard ours(memory, length, timeout == IPC_FOREVER ? -1 : timeout / tick);
    if (timeout != IPC_FOREVER)
        need_ticks();
    return -run(ours, work, context);
}

} // namespace ipc
