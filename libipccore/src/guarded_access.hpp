// SPDX-License-Identifier: MIT
// Touching shared memory directly: a page that a peer takes away is an error, not the end of the process.
#pragma once

#include <ipc/result.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace ipc {

/// See below; `context` is handed to `access`.
Result<void> guarded_access(std::span<const std::byte> memory, void (*access)(void *context), void *context);

/// Call `access`, which loads from and stores to `memory`, the mapping of a segment. If a page of it is gone (the
/// object was made smaller) or cannot be had (its file system is full) the error, EIO, names the offset. `access` then
/// ended at that instruction and nothing on its stack is destroyed, so it must not own anything. For single-threaded
/// commands: SIGBUS has another handler during the call.
template <typename Access> Result<void> guarded_access(std::span<const std::byte> memory, Access access)
{
    return guarded_access(
        memory, [](void *context) { (*static_cast<Access *>(context))(); }, std::addressof(access));
}

/// See below; `call` is made with `context`.
Result<void> guarded_call(void (*call)(void *context), void *context);

/// The same for a call that touches memory of which the caller does not know where it is, and that is made too often to
/// set a handler each time: the first one's stays. What the call owned when it ended early is lost.
template <typename Call> Result<void> guarded_call(Call call)
{
    return guarded_call([](void *context) { (*static_cast<Call *>(context))(); }, std::addressof(call));
}

} // namespace ipc
