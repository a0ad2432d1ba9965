// SPDX-License-Identifier: MIT
// Touching shared memory directly: a page that a peer takes away is an error, not the end of the process.
#pragma once

#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
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

/// ipc_host::attempt: what goes wrong is -EFAULT or -ETIMEDOUT. From the first call on SIGBUS keeps its handler, so
/// that the next ones cost no system call.
int guarded_attempt(const void *memory, std::uint64_t length, std::int64_t timeout, void (*work)(void *context),
                    void *context);

/// Which guards there are. Who leaves them by a jump of his own, past their ends, returns to those that there were
/// before.
struct GuardState {
    void *innermost;
    int users;
};
GuardState guard_state();
void return_to(const GuardState &state);

} // namespace ipc
