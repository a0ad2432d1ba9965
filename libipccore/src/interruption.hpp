// SPDX-License-Identifier: MIT
// SIGINT and SIGTERM as a request that a command notices between two steps, and deadlines for system calls without one.
//
// Waits end by a timer of the monotonic clock with a signal of its own, whatever the caller has blocked, ignored or set
// to go off. Everything that is changed for that is remembered (inherited_signals.hpp).
#pragma once

#include <cstdint>

namespace ipc {

/// From now on SIGINT, SIGTERM and SIGHUP only ask to stop: waits fail with EINTR and interrupted() tells why. The wait
/// that begins just after the signal is woken too, since the signal is repeated every few milliseconds until then.
void catch_interruptions();

/// The same for every other signal of POSIX and Linux that would end the process, as of a timer of the caller: for
/// commands that have messages in hand. Real-time signals, which nobody sends unasked, still end it at once.
void catch_deadly_signals();

/// From now on all signals are treated as when the command was started, and no deadline holds any more. For handing the
/// process to another program.
void release_interruptions();

/// The signal that asked to stop; 0 if none has.
int interrupted();

/// The same, and forget it: waits work again until the next signal. For commands that wind up what they have in hand.
int take_interruption();

/// From now on the end of a child is noted, also where the caller blocks or ignores SIGCHLD.
void catch_child_ends();

/// As long as one is there, the end of a child, also one that was noted before, ends waits too.
class DisturbedByChildren {
public:
    DisturbedByChildren();
    DisturbedByChildren(const DisturbedByChildren &) = delete;
    ~DisturbedByChildren();
};

/// Has a child ended since the last call? More than one may have, and waitpid() tells which.
bool take_child_end();

/// Should a wait that fails with EINTR end, for one reason or the other? What plugins ask. 0 if not.
int disturbed();

/// From `timeout` nanoseconds on, waits of the calling thread fail with EINTR, again and again, until
/// wait_deadline(IPC_FOREVER). For system calls that take no timeout.
/// Setting it for wait after wait costs no system call, and a wait may fail with EINTR earlier.
void wait_deadline(std::int64_t timeout);

/// Once all is written and closed this process dies of that signal, instead of ending with a status: so the shell that
/// waits for it knows that the user meant it too.
void end_by_signal(int signal);
/// The runner's last step. Returns if no such signal was named, or it does not end this process, as the first of a
/// namespace.
void die_if_asked_to();

} // namespace ipc
