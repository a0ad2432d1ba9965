// SPDX-License-Identifier: MIT
#pragma once

#include <ipc/inspect.hpp>

namespace mutex {

/// The table of ipc.inspect/1.
extern const ipc_inspect_v1 inspect;

} // namespace mutex
