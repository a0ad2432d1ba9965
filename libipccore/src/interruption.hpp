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

/// From `timeout` nanoseconds on, waits of the calling thread fail with EINTR, again and again, until
/// wait_deadline(IPC_FOREVER). For system calls that take no timeout.
void wait_deadline(std::int64_t timeout);

} // namespace ipc
