// SPDX-License-Identifier: MIT
// What the parts of this plugin share.
#pragma once

#include <ipc/directory.hpp>
#include <ipc/fd.hpp>
#include <ipc/file_object.hpp>
#include <ipc/inspect.hpp>
#include <ipc/posix_name.hpp>

#include <mqueue.h>

namespace posix_mq {

using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::PosixName;
using ipc::Result;

// ---- inspect.cpp ----

extern const ipc_inspect_v1 inspect;

/// The directory of all queues of this IPC namespace (O_PATH), or -1 if this user cannot have one: a detached mount of
/// the mqueue file system, which nobody else sees, else the one on /dev/mqueue. Kept for the life of the process.
int queue_directory();

/// Why there is no queue_directory(), where it is not that this user cannot have one; else 0.
int queue_directory_failure();

/// Which queue. Its file system keeps no birth, and its times change with every message, so they do not count.
ipc_identity identity_of_queue(const struct statx &status);

/// Call `visit(name)` for every queue of a directory until it is false; errors are those of each_entry().
template <typename Visit> Result<void> for_each_queue(int directory, Visit &&visit)
{
    constexpr const char *place = "the directory of all queues";
    int descriptor = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const ipc::Directory entries(descriptor < 0 ? nullptr : ::fdopendir(descriptor));
    if (!entries)
        return Error::system(place);
    return ipc::each_entry(entries.get(), place, [&](const dirent &entry) -> Result<bool> {
        return entry.d_type == DT_REG ? visit(static_cast<const char *>(entry.d_name)) : true;
    });
}

// ---- limits.cpp ----

/// A number below /proc/sys/fs/mqueue, or IPC_UNKNOWN.
std::uint64_t setting(const char *name);

/// The sizes of a queue that is made without asking for any.
mq_attr default_sizes();

/// What the kernel counts towards RLIMIT_MSGQUEUE for a queue of these sizes, in bytes.
std::uint64_t accounted_bytes(const mq_attr &sizes);

/// Why a queue of these sizes was not made: the limit behind errno, with its present and the needed value.
Error creation_error(int code, const mq_attr &sizes);

Result<void> limits(const Emit<ipc_limit> &emit);

} // namespace posix_mq
