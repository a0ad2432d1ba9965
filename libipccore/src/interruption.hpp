// SPDX-License-Identifier: MIT
// SIGINT and SIGTERM as a request that a command notices between two steps, and deadlines for system calls without one.
#pragma once

#include <cstdint>

namespace ipc {

/// From now on SIGINT, SIGTERM and SIGHUP only ask to stop: waits fail with EINTR and interrupted() tells why. The wait
/// that begins just after the signal is woken too, since the signal is repeated every few milliseconds until then.
void catch_interruptions();

/// From now on these signals do again what they did when the command was started. For handing the process to another
/// program.
void release_interruptions();

/// The signal that asked to stop; 0 if none has.
int interrupted();

/// The same, and forget it: waits work again until the next signal. For commands that wind up what they have in hand.
int take_interruption();

/// From now on the end of a child is noted.
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
void wait_deadline(std::int64_t timeout);

} // namespace ipc
