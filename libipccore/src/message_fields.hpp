// SPDX-License-Identifier: MIT
// What messages carry beside their bytes, and which mechanisms have it.
#pragma once

#include "framing.hpp"

#include <ipc/result.hpp>

#include <cstdint>

namespace ipc {

/// A priority or type that the mechanism's messages have not would be lost: EINVAL, unless it is the usual one
/// (priority 0, type 1). `features` are a queue's, IPC_QUEUE_…
Result<void> check_fields(const Record &record, std::uint32_t features);

} // namespace ipc
