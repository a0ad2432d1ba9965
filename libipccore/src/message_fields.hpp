// SPDX-License-Identifier: MIT
// What messages carry beside their bytes, and which mechanisms have it.
#pragma once

#include "queue.hpp"

#include <ipc/result.hpp>

#include <cstdint>

namespace ipc {

/// Say which of the `missing` fields a message would lose: check_fields() for those that have any.
Result<void> check_missing_fields(const Message &message, std::uint32_t missing);

/// A priority or type that the mechanism's messages have not would be lost: EINVAL, unless it is the usual one
/// (priority 0, type 1). `features` are a queue's, IPC_QUEUE_…
inline Result<void> check_fields(const Message &message, std::uint32_t features)
{
    const std::uint32_t missing = message.fields & ~features;
    return missing ? check_missing_fields(message, missing) : Result<void>();
}

} // namespace ipc
