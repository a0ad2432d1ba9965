// SPDX-License-Identifier: MIT
// Touching memory that is shared: whoever may write a file may make it shorter, and the next one who touches what is
// gone gets SIGBUS. A command says so instead of dying of it.
//
// For commands of one thread: from the first use on SIGBUS has a handler of its own, so that the next uses cost no
// system call. What is nobody's ends the process as ever. What is done under a guard ends at the instruction that
// touched what is gone, and nothing on its stack is destroyed. Guards may stand inside of others.
#pragma once

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace ipc {

/// See below; `context` is handed to `access`.
Result<void> guarded_access(std::span<const std::byte> memory, void (*access)(void *context), void *context);

/// Call `access`, which loads from and stores to `memory`, the mapping of a segment, and owns nothing. If a page of it
/// is gone (the object was made smaller) or cannot be had (its file system is full) the error, EIO, names the offset.
template <typename Access> Result<void> guarded_access(std::span<const std::byte> memory, Access access)
{
    return guarded_access(
        memory, [](void *context) { (*static_cast<Access *>(context))(); }, std::addressof(access));
}

/// ipc_host::attempt: what goes wrong is -EFAULT or -ETIMEDOUT.
int guarded_attempt(const void *memory, std::uint64_t length, std::int64_t timeout, void (*work)(void *context),
                    void *context);

/// Do `work`, of which nobody here knows what memory it touches; false if some of that was gone. What it worked on is
/// good for nothing any more then, and may not even be good for being closed.
template <typename Work> bool while_memory_lasts(Work work)
{
    return guarded_attempt(
               nullptr, UINT64_MAX, IPC_FOREVER, [](void *context) { (*static_cast<Work *>(context))(); },
               std::addressof(work)) == 0;
}

} // namespace ipc
