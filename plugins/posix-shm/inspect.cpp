// SPDX-License-Identifier: MIT
// posix-shm: what exists in /dev/shm and who holds it.
#include "posix_shm.hpp"

#include <ipc/file_object.hpp>
#include <ipc/posix_name.hpp>

#include <dirent.h>
#include <sys/statvfs.h>

#include <memory>
#include <semaphore.h>

namespace {

using ipc::Emit;
using ipc::Error;
using ipc::PosixName;
using ipc::Result;

constexpr const char *place = posix_shm::directory;

/// st_dev of /dev/shm, by which mappings and descriptors are known; 0 until it was asked for.
std::uint64_t shm_device = 0;

/// 0 if it is no file system of its own: what else lies on that device is not shared memory.
std::uint64_t learned_device()
{
    struct statx status, root;
    if (!shm_device && ipc::file_status(AT_FDCWD, place, 0, status) == 0 &&
        ipc::file_status(AT_FDCWD, "/", 0, root) == 0 && ipc::device_of(status) != ipc::device_of(root))
        shm_device = ipc::device_of(status);
    return shm_device;
}

struct CloseDirectory {
    void operator()(DIR *directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

/// Named semaphores live in the same directory, and so do the rings of ipc/ring.hpp.
bool is_no_segment(std::string_view leaf, const struct statx &status)
{
    return (leaf.starts_with("sem.") && status.stx_size == sizeof(sem_t)) || leaf.starts_with("ipcring.");
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
        Directory directory(::opendir(place));
        if (!directory && errno == ENOENT)
            return {};
        if (!directory)
            return Error::system(place);
        int descriptor = ::dirfd(directory.get());
        shm_device = 0; // it may be another mount since the last time
        while (const dirent *entry = ::readdir(directory.get())) {
            struct statx status;
            if ((entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN) ||
                ipc::file_status(descriptor, entry->d_name, AT_SYMLINK_NOFOLLOW, status) != 0 ||
                !S_ISREG(status.stx_mode) || is_no_segment(entry->d_name, status))
                continue;
            if (!emit_entry(entry->d_name, status, emit))
                break;
        }
        return {};
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        PosixName name(address.name);
        char path[sizeof posix_shm::directory + NAME_MAX + 1];
        std::snprintf(path, sizeof path, "%s%s", place, name.text());
        struct statx status;
        int code = ipc::file_status(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, status);
        if (code)
            return ipc::lookup_error(code);
        IPC_TRY(ipc::expect_regular(status.stx_mode));
        emit_entry(name.leaf(), status, emit);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        if (sight.kind == IPC_SIGHT_CALL || !sight.device || sight.device != learned_device() ||
            (sight.kind == IPC_SIGHT_DESCRIPTOR && !S_ISREG(sight.mode)))
            return false;
        // By the inode and never by the path: that of a named semaphore says deleted as long as it lives.
        claim.role = IPC_ROLE_HOLDER;
        claim.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
        claim.descriptor = -1;
        return true;
    }

    /// A segment without a name that lives on. Its size, owner and times are known where /proc may be asked.
    static bool describe(const ipc_sight &sight, const Emit<ipc_object> &emit)
    {
        std::string_view leaf = deleted_name(sight.path);
        struct statx status;
        bool still_there = ipc::file_status(AT_FDCWD, sight.path, AT_SYMLINK_NOFOLLOW, status) == 0 &&
                           status.stx_ino == sight.inode && ipc::device_of(status) == sight.device;
        if (leaf.empty() || leaf.starts_with("sem.") || leaf.starts_with("ipcring.") || still_there)
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
        if (::statvfs(place, &system) != 0)
            return {};
        // A tmpfs mounted with size=0 has no limit, and says 0 blocks.
        std::uint64_t total = std::uint64_t(system.f_blocks) * system.f_frsize;
        std::uint64_t used = std::uint64_t(system.f_blocks - system.f_bfree) * system.f_frsize;
        emit({.size = sizeof(ipc_limit),
              .unit = IPC_UNIT_BYTES,
              .name = place,
              .meaning = "memory of POSIX shared memory",
              .limit = total ? total : IPC_UNKNOWN,
              .used = total ? used : IPC_UNKNOWN});
        return {};
    }
};

} // namespace

const ipc_inspect_v1 posix_shm::inspect = ipc::inspect_table<Inspection>();
