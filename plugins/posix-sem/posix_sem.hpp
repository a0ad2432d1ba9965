// SPDX-License-Identifier: MIT
#pragma once

#include <ipc/inspect.hpp>

namespace posix_sem {

/// The table of ipc.inspect/1.
extern const ipc_inspect_v1 inspect;

} // namespace posix_sem
