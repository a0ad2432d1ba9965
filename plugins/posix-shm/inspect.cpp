// SPDX-License-Identifier: MIT
// posix-shm: what exists in /dev/shm and who holds it.
#include "posix_shm.hpp"

#include <ipc/shm_directory.hpp>

#include <sys/statvfs.h>

#include <semaphore.h>

namespace {

using ipc::Emit;
using ipc::PosixName;
using ipc::Result;

/// Named semaphores live in the same directory.
bool is_semaphore(std::string_view leaf, const struct statx &status)
{
    return leaf.starts_with("sem.") && status.stx_size == sizeof(sem_t);
}

bool emit_entry(std::string_view leaf, const struct statx &status, const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    PosixName name(leaf);
    object.name = name.text();
    ipc::describe_file(status, object);
    return emit(object);
}

/// The name of an object from its path in a mapping or descriptor that says it was deleted; empty if it says not.
std::string_view deleted_name(std::string_view path)
{
    std::string_view prefix = "/dev/shm/";
    if (!path.starts_with(prefix) || !path.ends_with(ipc::deleted_suffix))
        return {};
    path.remove_prefix(prefix.size());
    path.remove_suffix(ipc::deleted_suffix.size());
    return ipc::name_before_removal(path);
}

struct Inspection {
    static Result<void> list(const Emit<ipc_object> &emit)
    {
        return ipc::each_shm_file([&](int, const char *leaf, const struct statx &status) {
            return is_semaphore(leaf, status) || emit_entry(leaf, status, emit);
        });
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        PosixName name(address.name);
        ipc::ShmPath path(name);
        struct statx status;
        int code = ipc::file_status(AT_FDCWD, path.text(), AT_SYMLINK_NOFOLLOW, status);
        if (code)
            return ipc::lookup_error(code);
        IPC_TRY(ipc::expect_regular(status.stx_mode));
        emit_entry(name.leaf(), status, emit);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim) { return ipc::claim_shm_file(sight, claim); }

    /// A segment without a name that lives on. Its size, owner and times are known where /proc may be asked.
    static bool describe(const ipc_sight &sight, const Emit<ipc_object> &emit)
    {
        std::string_view leaf = deleted_name(sight.path);
        struct statx status;
        bool still_there = ipc::file_status(AT_FDCWD, sight.path, AT_SYMLINK_NOFOLLOW, status) == 0 &&
                           status.stx_ino == sight.inode && ipc::device_of(status) == sight.device;
        if (leaf.empty() || leaf.starts_with("sem.") || still_there)
            return false;
        ipc_object object;
        ipc_object_clear(&object);
        if (ipc::sight_status(sight, status)) {
            if (!S_ISREG(status.stx_mode) || status.stx_nlink)
                return false;
            ipc::describe_file(status, object);
        } else {
            object.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
            object.flags = IPC_OBJECT_DENIED;
        }
        object.flags |= IPC_OBJECT_REMOVED;
        PosixName name(leaf);
        object.name = name.text();
        emit(object);
        return true;
    }

    static Result<void> limits(const Emit<ipc_limit> &emit)
    {
        struct statvfs system;
        if (::statvfs(ipc::shm_directory, &system) != 0)
            return {};
        // A tmpfs mounted with size=0 has no limit, and says 0 blocks.
        std::uint64_t total = std::uint64_t(system.f_blocks) * system.f_frsize;
        std::uint64_t used = std::uint64_t(system.f_blocks - system.f_bfree) * system.f_frsize;
        emit({.size = sizeof(ipc_limit),
              .unit = IPC_UNIT_BYTES,
              .name = ipc::shm_directory,
              .meaning = "memory of POSIX shared memory",
              .limit = total ? total : IPC_UNKNOWN,
              .used = total ? used : IPC_UNKNOWN});
        return {};
    }
};

} // namespace

const ipc_inspect_v1 posix_shm::inspect = ipc::inspect_table<Inspection>();
