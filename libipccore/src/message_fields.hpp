// SPDX-License-Identifier: MIT
// What messages carry beside their bytes, and which mechanisms have it.
#pragma once

#include "queue.hpp"

#include <ipc/result.hpp>

#include <cstdint>

namespace ipc {

/// A priority or type that the mechanism's messages have not would be lost: EINVAL, unless it is the usual one
/// (priority 0, type 1). `missing` are the fields that they have not, IPC_QUEUE_…
Result<void> check_fields(const Message &message, std::uint32_t missing);

} // namespace ipc
