// SPDX-License-Identifier: MIT
#include "inherited_signals.hpp"

#include <array>
#include <cstddef>
#include <optional>

namespace ipc {
namespace {

// Of the caller; nothing where this process has changed nothing.
std::array<std::optional<struct sigaction>, NSIG> actions;
std::optional<sigset_t> mask;

const sigset_t &mask_of_caller()
{
    if (!mask) {
        sigset_t now;
        sigprocmask(SIG_BLOCK, nullptr, &now);
        mask = now;
    }
    return *mask;
}

} // namespace

void change_signal(int signal, const struct sigaction &action)
{
    struct sigaction before;
    if (sigaction(signal, &action, &before) == 0 && !actions[std::size_t(signal)])
        actions[std::size_t(signal)] = before;
}

void ignore_signal(int signal)
{
    struct sigaction action = {};
    action.sa_handler = SIG_IGN;
    change_signal(signal, action);
}

void restore_signal(int signal)
{
    if (const auto &before = actions[std::size_t(signal)])
        sigaction(signal, &*before, nullptr);
}

void unblock_signal(int signal)
{
    if (!is_blocked_by_caller(signal))
        return;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    sigprocmask(SIG_UNBLOCK, &one, nullptr);
}

bool is_ignored_by_caller(int signal)
{
    if (const auto &before = actions[std::size_t(signal)])
        return before->sa_handler == SIG_IGN;
    struct sigaction now = {};
    return sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

bool is_blocked_by_caller(int signal) { return sigismember(&mask_of_caller(), signal) == 1; }

void hold_signals()
{
    mask_of_caller();
    sigset_t all;
    sigfillset(&all);
    for (int signal : {SIGBUS, SIGSEGV, SIGFPE, SIGILL}) // which the processor raises, whether held or not
        sigdelset(&all, signal);
    sigprocmask(SIG_SETMASK, &all, nullptr);
}

/// The mask last: until then no handler runs, and then there is none any more.
void restore_signals()
{
    for (int signal = 1; signal < NSIG; signal++)
        restore_signal(signal);
    if (mask)
        sigprocmask(SIG_SETMASK, &*mask, nullptr);
}

HeldSignals::HeldSignals()
{
    sigprocmask(SIG_BLOCK, nullptr, &before_);
    hold_signals();
}

HeldSignals::~HeldSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

} // namespace ipc
