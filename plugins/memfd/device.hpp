// SPDX-License-Identifier: MIT
// /dev/ashmem, where a kernel has it: Linux before 5.18 could, and Android's own still can.
#pragma once

#include <ipc/inspect.hpp>
#include <ipc/segment.hpp>

namespace device {

bool exists();

/// For an ipc_plugin.
ipc::Result<void> check(const ipc_address &address);
extern const ipc_segment_v1 segment;
extern const ipc_inspect_v1 inspect;

} // namespace device
