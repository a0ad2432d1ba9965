// SPDX-License-Identifier: MIT
// Descriptors that others share: pipes, and calls that were interrupted or would block.
#pragma once

namespace ipc {

bool is_pipe(int fd);

/// Make a pipe as large as a user may. Its size matters as much as the call: at 64 KiB both sides sleep and wake for
/// every 16 pages.
void grow_pipe(int fd);

/// After a failed system call: was it only interrupted, and not by a user who wants to stop?
bool should_retry();

/// The same after reading from or writing to (POLLIN, POLLOUT) a descriptor that somebody else, who shares it, may have
/// made not to block: waits for it then. False leaves why in errno, EINTR if the user wants to stop.
bool should_retry_at(int fd, short events);

} // namespace ipc
