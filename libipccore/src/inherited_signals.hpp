// SPDX-License-Identifier: MIT
// How the caller has signals treated. What this process changes of that for itself it changes here, so that the
// programs it runs find everything as the caller had it.
#pragma once

#include <csignal>

namespace ipc {

/// Treat the signal like that from now on. What the caller had is remembered at the first change.
void change_signal(int signal, const struct sigaction &action);
/// Treat it as the caller had it. For a handler that finds that a signal is not its own.
void restore_signal(int signal);
/// What would send it fails instead: with EPIPE for SIGPIPE, with EFBIG for SIGXFSZ.
void ignore_signal(int signal);
/// Let the signal come, also if the caller blocked it.
void unblock_signal(int signal);

/// What the caller had.
bool is_ignored_by_caller(int signal);
bool is_blocked_by_caller(int signal);

/// No signal is delivered from now on, until restore_signals(), but for those of an access to memory.
void hold_signals();
/// All of them as the caller had them, for a process that becomes another program. A child of vfork(2) may call it too,
/// since it changes no memory, if its parent made a HeldSignals before.
void restore_signals();

/// As long as it lives no signal is delivered. For vfork(2): until restore_signals() a handler of this process would
/// run in the child too, on the parent's memory.
class HeldSignals {
public:
    HeldSignals();
    HeldSignals(const HeldSignals &) = delete;
    HeldSignals &operator=(const HeldSignals &) = delete;
    ~HeldSignals();

private:
    sigset_t before_;
};

} // namespace ipc
