// SPDX-License-Identifier: MIT
// Waiting for a queue to be in some state, without taking anything from it.
#pragma once

#include "address.hpp"

#include <ipc/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// message: one waits that the address selects. space: there is room for one more. empty: none waits. exists: there is
/// such a queue, complete, and not just something that has its name; of a stream, somebody who receives or a FIFO.
enum class Readiness { message, space, empty, exists };

Result<Readiness> parse_readiness(std::string_view text);
std::vector<std::string> readiness_names();

/// Until it holds, at most `timeout` nanoseconds (0 looks once, IPC_FOREVER): else EAGAIN or ETIMEDOUT. EINTR once
/// interrupted(). ENOTSUP for streams, but for `exists`. A queue that is not there is an error unless `exists` is
/// waited for, and so is its removal. Woken by the kernel where the mechanism can, else looks with pauses of up to 50
/// ms.
Result<void> wait_until(const Address &address, Readiness readiness, std::int64_t timeout);

} // namespace ipc
