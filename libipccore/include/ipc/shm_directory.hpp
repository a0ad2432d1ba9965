// SPDX-License-Identifier: MIT
// ipc/shm_directory.hpp - the directory of POSIX shared memory, for every mechanism whose objects are files in it.
#pragma once

#include <ipc/directory.hpp>
#include <ipc/file_object.hpp>
#include <ipc/posix_name.hpp>

#include <linux/magic.h>
#include <sys/statfs.h>

#include <memory>
#include <optional>
#include <string_view>

namespace ipc {

/// The directory that shm_open(3) uses. Files in it are opened here and not by that function, which hangs on a FIFO
/// that somebody planted.
inline constexpr char shm_directory[] = "/dev/shm";

/// The whole path of one of them.
class ShmPath {
public:
    explicit ShmPath(const PosixName &name) { std::snprintf(text_, sizeof text_, "%s%s", shm_directory, name.text()); }
    const char *text() const { return text_; }

private:
    char text_[sizeof shm_directory + NAME_MAX + 1];
};

/// The directory as an O_PATH descriptor, for creating and removing.
inline Result<Fd> open_shm_directory()
{
    Fd directory(::open(shm_directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return Error::of(errno, "there is no POSIX shared memory here, %s: %s (mount -t tmpfs tmpfs %s)", shm_directory,
                         std::strerror(errno), shm_directory);
    return directory;
}

/// For creating: a file on a disk would be no memory. It is written out, and may vanish later than the machine's boot.
inline Result<void> expect_memory(int directory)
{
    struct statfs system;
    if (::fstatfs(directory, &system) != 0)
        return Error::system(shm_directory);
    if (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC)
        return {};
    return Error::of(ENODEV, "%s is on no file system in memory (mount -t tmpfs tmpfs %s)", shm_directory,
                     shm_directory);
}

/// st_dev of the directory, by which mappings and descriptors are known; 0 until it was asked for.
inline std::uint64_t known_shm_device = 0;

/// 0 if it is no file system of its own: what else lies on that device is not shared memory.
inline std::uint64_t shm_device()
{
    struct statx status, root;
    if (!known_shm_device && file_status(AT_FDCWD, shm_directory, 0, status) == 0 &&
        file_status(AT_FDCWD, "/", 0, root) == 0 && device_of(status) != device_of(root))
        known_shm_device = device_of(status);
    return known_shm_device;
}

/// Call `take(directory, leaf, status)` for every regular file there until it is false; errors are those of
/// each_entry(). None is opened.
template <typename Take> Result<void> each_shm_file(Take &&take)
{
    const Directory directory(::opendir(shm_directory));
    if (!directory && errno == ENOENT)
        return {};
    if (!directory)
        return Error::system(shm_directory);
    known_shm_device = 0; // it may be another mount since the last time
    int descriptor = ::dirfd(directory.get());
    return each_entry(directory.get(), shm_directory, [&](const dirent &entry) -> Result<bool> {
        struct statx status;
        if (entry.d_type != DT_REG && entry.d_type != DT_UNKNOWN)
            return true;
        const char *leaf = entry.d_name;
        if (const int code = file_status(descriptor, leaf, AT_SYMLINK_NOFOLLOW, status))
            return Error::system("it cannot be looked at", code);
        return !S_ISREG(status.stx_mode) ? true : take(descriptor, leaf, status);
    });
}

/// After a file that was just seen there could not be opened: true if this user may not, and so nothing has failed. An
/// error otherwise, ENOENT if it is another file by now.
inline Result<bool> only_denied(int code)
{
    if (code == EACCES || code == EPERM)
        return true;
    return Error::system("it cannot be opened", code == ELOOP || code == ENXIO ? ENOENT : code);
}

/// A file there opened for reading alone and, where this user may ask for that, without leaving the time of access.
inline Fd open_unnoticed(int directory, const char *leaf, const struct statx &status)
{
    constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    static const uid_t user = ::geteuid();
    Fd file;
    if (status.stx_uid == user || user == 0)
        file = Fd(::openat(directory, leaf, flags | O_NOATIME));
    if (!file)
        file = Fd(::openat(directory, leaf, flags));
    return file;
}

/// Does a file there belong to another mechanism than shared memory? Named semaphores of the C library, and the lists
/// of who holds one, mutexes and rings. Its name tells, and its size where that is known, so that a segment called
/// "sem.table" stays one.
inline bool is_no_segment(std::string_view leaf, std::optional<std::uint64_t> bytes)
{
    constexpr std::uint64_t semaphore_bytes = 32, mutex_bytes = 256, holders_bytes = 40, entry_bytes = 32;
    const auto has_entries = [&](std::uint64_t header) {
        return !bytes || (*bytes >= header && (*bytes - header) % entry_bytes == 0);
    };
    return leaf.starts_with("ipcring.") ||
           (leaf.starts_with("sem.") && bytes.value_or(semaphore_bytes) == semaphore_bytes) ||
           (leaf.starts_with("mutex.") && has_entries(mutex_bytes)) ||
           (leaf.starts_with("holders.") && has_entries(holders_bytes));
}

/// For removing the file `leaf` of a directory: EPERM if it lies in the one of shared memory, belongs to another
/// mechanism, and is to be removed only if nobody uses it. That mechanism alone knows who does: a process that runs
/// under a lock need not have the file open.
inline Result<void> leave_to_its_mechanism(int directory, const char *leaf, const Removal &removal)
{
    struct statx here, shm, status;
    if (removal.unused && file_status(directory, here) == 0 && file_status(AT_FDCWD, shm_directory, 0, shm) == 0 &&
        same_object(identity_of(here), identity_of(shm)) &&
        file_status(directory, leaf, AT_SYMLINK_NOFOLLOW, status) == 0 && is_no_segment(leaf, status.stx_size))
        return Error::of(EPERM, "it is part of a semaphore, a mutex or a ring (remove that, or use --force)");
    return {};
}

/// For claim(): a mapping or descriptor of a file there makes its process a holder. By the inode and never by the path:
/// that of a named semaphore says deleted as long as it lives.
inline bool claim_shm_file(const ipc_sight &sight, ipc_claim &claim)
{
    if (sight.kind == IPC_SIGHT_CALL || !sight.device || sight.device != shm_device() ||
        (sight.kind == IPC_SIGHT_DESCRIPTOR && !S_ISREG(sight.mode)))
        return false;
    claim.role = IPC_ROLE_HOLDER;
    claim.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
    claim.descriptor = -1;
    return true;
}

} // namespace ipc
