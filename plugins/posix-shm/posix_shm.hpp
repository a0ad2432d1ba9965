// SPDX-License-Identifier: MIT
// What the two halves of this plugin share: the table of inspect.cpp.
#pragma once

#include <ipc/held_file.hpp>
#include <ipc/inspect.hpp>

namespace posix_shm {

/// Is what a process holds a segment that was removed? The error says what it is instead.
ipc::Result<void> expect_removed(const ipc::HeldFacts &facts);

extern const ipc_inspect_v1 inspect;

} // namespace posix_shm
