// SPDX-License-Identifier: MIT
// What the two halves of this plugin share: where POSIX shared memory lives, and the table of inspect.cpp.
#pragma once

#include <ipc/held_file.hpp>
#include <ipc/inspect.hpp>

namespace posix_shm {

/// The directory that shm_open(3) uses.
inline constexpr char directory[] = "/dev/shm";

/// Is what a process holds a segment that was removed? The error says what it is instead.
ipc::Result<void> expect_removed(const ipc::HeldFacts &facts);

extern const ipc_inspect_v1 inspect;

} // namespace posix_shm
