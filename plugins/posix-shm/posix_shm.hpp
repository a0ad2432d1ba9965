// SPDX-License-Identifier: MIT
// What the two halves of this plugin share: where POSIX shared memory lives, and the table of inspect.cpp.
#pragma once

#include <ipc/inspect.hpp>

namespace posix_shm {

/// The directory that shm_open(3) uses.
inline constexpr char directory[] = "/dev/shm";

extern const ipc_inspect_v1 inspect;

} // namespace posix_shm
