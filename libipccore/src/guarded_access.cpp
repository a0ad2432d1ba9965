// SPDX-License-Identifier: MIT
#include "guarded_access.hpp"

#include "error.hpp"

#include <ipc/plugin.h>

#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <ctime>

namespace ipc {
namespace {

struct Guard {
    const std::uintptr_t begin, length;
    const bool is_timed;
    volatile std::uintptr_t fault;
    volatile int ticks;
    sigjmp_buf back;
};
Guard *volatile guard = nullptr; // the innermost

/// What SIGBUS did before the first of `users` guards.
struct sigaction before;
int users = 0;

void on_fault(int signal, siginfo_t *info, void *)
{
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    if (guard && info->si_code > 0 && address - guard->begin < guard->length) {
        guard->fault = address - guard->begin;
        siglongjmp(guard->back, EFAULT);
    }
    // Somebody else's: as if there were no guard.
    sigaction(signal, &before, nullptr);
    std::raise(signal);
}

/// Not at the first tick, which may have waited while this process was stopped: what is called shall have had some
/// time.
void on_tick(int)
{
    if (!guard || !guard->is_timed)
        return;
    const int ticks = guard->ticks;
    guard->ticks = ticks + 1;
    if (ticks > 0)
        siglongjmp(guard->back, ETIMEDOUT);
}

/// Without SA_NODEFER the jump would have to restore the mask of signals, a system call for each use.
void handle(int signal, struct sigaction action, struct sigaction *old)
{
    action.sa_flags |= SA_NODEFER;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, old);
}

void begin_use()
{
    if (users++ > 0)
        return;
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    handle(SIGBUS, action, &before);
}

void end_use()
{
    if (--users == 0)
        sigaction(SIGBUS, &before, nullptr);
}

/// A timer of its own, since that of interruption.hpp may be running. A child process has none of its parent's.
timer_t timer()
{
    static pid_t maker = 0;
    static timer_t made = {};
    if (const pid_t self = ::getpid(); self != maker) {
        maker = self;
        struct sigaction action = {};
        action.sa_handler = on_tick;
        handle(SIGVTALRM, action, nullptr);
        sigevent event = {};
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGVTALRM;
        timer_create(CLOCK_MONOTONIC, &event, &made);
    }
    return made;
}

void set_ticks(std::int64_t nanoseconds)
{
    constexpr std::int64_t second = 1'000'000'000;
    const timespec time = {nanoseconds / second, nanoseconds % second};
    const itimerspec times = {time, time};
    timer_settime(timer(), 0, &times, nullptr);
}

Guard guard_of(const void *memory, std::size_t bytes, bool is_timed)
{
    return {reinterpret_cast<std::uintptr_t>(memory), bytes, is_timed, 0, 0, {}};
}

/// 0, or why `work` was given up.
int run(Guard &ours, void (*work)(void *context), void *context)
{
    Guard *const outer = guard;
    const int reason = sigsetjmp(ours.back, 0);
    if (!reason) {
        guard = &ours;
        work(context);
    }
    guard = outer;
    return reason;
}

} // namespace

Result<void> guarded_access(std::span<const std::byte> memory, void (*access)(void *context), void *context)
{
    begin_use();
    Guard ours = guard_of(memory.data(), memory.size(), false);
    const int reason = run(ours, access, context);
    end_use();
    if (!reason)
        return {};
    return failure(EIO, "its memory at offset {} is gone: somebody made it smaller, or no memory is left for it",
                   std::uintptr_t(ours.fault));
}

int guarded_attempt(const void *memory, std::uint64_t length, std::int64_t timeout, void (*work)(void *context),
                    void *context)
{
    static const bool stays = (begin_use(), true);
    static_cast<void>(stays);
    Guard ours = guard_of(memory, length, timeout != IPC_FOREVER);
    if (!ours.is_timed)
        return -run(ours, work, context);
    set_ticks(timeout / 2 + 1);
    const int reason = run(ours, work, context);
    set_ticks(0);
    return -reason;
}

} // namespace ipc
