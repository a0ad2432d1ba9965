// SPDX-License-Identifier: MIT
// ipc/file_object.hpp - objects that are files of some file system: which one it is, what is known of it, its removal.
//
// For plugins whose objects have a device and an inode. Looking works on the name or on what the host saw, and never
// opens the file itself, so nobody else can notice it. Only a removal opens one, to find out whether somebody has it.
#pragma once

#include <ipc/fd.hpp>
#include <ipc/plugin.hpp>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <cinttypes>
#include <climits>
#include <csignal>
#include <string>
#include <string_view>

namespace ipc {

/// What statx(2) says, with the time of birth where the file system keeps one. 0 or an errno value. `flags` are AT_….
inline int file_status(int directory, const char *path, int flags, struct statx &status)
{
    return ::statx(directory, path, flags, STATX_BASIC_STATS | STATX_BTIME, &status) == 0 ? 0 : errno;
}

/// The same of an open descriptor, also one that is O_PATH.
inline int file_status(int descriptor, struct statx &status)
{
    return file_status(descriptor, "", AT_EMPTY_PATH, status);
}

/// Nanoseconds since 1970.
inline std::int64_t time_of(const struct statx_timestamp &time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

/// st_dev, as stat(2) gives it.
inline std::uint64_t device_of(const struct statx &status)
{
    return makedev(status.stx_dev_major, status.stx_dev_minor);
}

/// Birth is the file's birth, where its file system keeps none the last change of its status.
inline ipc_identity identity_of(const struct statx &status)
{
    bool born = status.stx_mask & STATX_BTIME;
    return {0, device_of(status), status.stx_ino, time_of(born ? status.stx_btime : status.stx_ctime)};
}

inline bool same_object(const ipc_identity &a, const ipc_identity &b)
{
    return a.space == b.space && a.device == b.device && a.number == b.number && a.birth == b.birth;
}

/// "a directory", for error texts.
inline const char *kind_of(unsigned mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "a regular file";
    case S_IFDIR:
        return "a directory";
    case S_IFLNK:
        return "a symbolic link";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    case S_IFBLK:
        return "a block device";
    case S_IFCHR:
        return "a character device";
    default:
        return "something else";
    }
}

/// An error that says what is there, unless it is a regular file.
inline Result<void> expect_regular(unsigned mode)
{
    if (S_ISREG(mode))
        return {};
    int code = S_ISDIR(mode) ? EISDIR : S_ISLNK(mode) ? ELOOP : EINVAL;
    return Error::of(code, "there is %s of that name (choose another name)", kind_of(mode));
}

/// Fill in what a file's status tells: identity, size, memory in use, permissions, owner, times. `last_in_time` is the
/// time of modification, which follows write(2) and truncation and no store into a mapping.
inline void describe_file(const struct statx &status, ipc_object &object)
{
    object.identity = identity_of(status);
    object.capacity = status.stx_size;
    object.used = status.stx_blocks * 512;
    object.mode = status.stx_mode & 07777;
    object.owner = status.stx_uid;
    object.group = status.stx_gid;
    object.changed = object.identity.birth;
    object.last_in_time = time_of(status.stx_mtime);
}

/// The status of the file behind a mapping or descriptor that the host saw, through /proc and without opening it; false
/// if this user may not, or if it is another file by now. Works for what has no name any more.
inline bool sight_status(const ipc_sight &sight, struct statx &status)
{
    char path[96];
    if (sight.kind == IPC_SIGHT_DESCRIPTOR)
        std::snprintf(path, sizeof path, "/proc/%" PRId64 "/fd/%" PRId64, sight.process, sight.number);
    else
        std::snprintf(path, sizeof path, "/proc/%" PRId64 "/map_files/%" PRIx64 "-%" PRIx64, sight.process, sight.start,
                      sight.end);
    return file_status(AT_FDCWD, path, 0, status) == 0 && status.stx_ino == sight.inode;
}

/// What the kernel appends to the name of a file that has none any more.
inline constexpr std::string_view deleted_suffix = " (deleted)";

/// remove_file() moves a file aside under this, eight digits and a dot, before its own name.
inline constexpr std::string_view aside_prefix = ".ipc-removed-";

/// The name that a file had before remove_file() moved it aside; any other name as it is.
inline std::string_view name_before_removal(std::string_view leaf)
{
    constexpr std::size_t length = aside_prefix.size() + 9;
    return leaf.size() > length && leaf.starts_with(aside_prefix) && leaf[length - 1] == '.' ? leaf.substr(length)
                                                                                             : leaf;
}

/// The path of a deleted file as it was: without the kernel's remark, and under its name before it was moved aside.
inline std::string path_before_removal(std::string_view path)
{
    if (path.ends_with(deleted_suffix))
        path.remove_suffix(deleted_suffix.size());
    const std::size_t leaf_at = path.rfind('/') + 1;
    return std::string(path.substr(0, leaf_at)).append(name_before_removal(path.substr(leaf_at)));
}

/// Set the file's time of modification, which stores into a mapping do not (futimens(3)), so that it shows when the
/// file was used last. Where this user may not, nothing happens.
inline void note_use(int descriptor) { (void)::futimens(descriptor, nullptr); }

/// Give a new file its owner, group and exact mode.
inline Result<void> set_ownership(int descriptor, const ipc_ownership &ownership)
{
    if ((ownership.owner >= 0 || ownership.group >= 0) &&
        ::fchown(descriptor, uid_t(ownership.owner), gid_t(ownership.group)) != 0)
        return Error::of(errno, "its owner or group cannot be set: %s (root may give it to anybody)",
                         std::strerror(errno));
    if (::fchmod(descriptor, mode_t(ownership.mode & 07777)) != 0)
        return Error::system("its mode cannot be set");
    return {};
}

/// Why a name could not be looked up.
inline Error lookup_error(int code)
{
    if (code == ENOENT || code == ENOTDIR)
        return Error::of(ENOENT, "there is none of that name (ipcls shows what exists)");
    return Error::system("it cannot be looked up", code);
}

inline Error removal_error(int code)
{
    switch (code) {
    case ENOENT:
        return lookup_error(code);
    case EACCES:
    case EPERM:
        return Error::of(code, "this user may not remove it (its owner, the directory's or root may)");
    default:
        return Error::system("it cannot be removed", code);
    }
}

inline Error stale_error()
{
    return Error::of(ESTALE, "the name means another object by now, which was left alone (look again)");
}

/// The file of that name under another one of the same directory, which nobody else uses. 0 or an errno value.
inline int move_aside(int directory, const char *leaf, char (&aside)[NAME_MAX + 1])
{
    for (int attempt = 0; attempt < 16; attempt++) {
        unsigned digits = 0;
        if (::getrandom(&digits, sizeof digits, GRND_NONBLOCK) < 0)
            digits = unsigned(::getpid()) + unsigned(attempt);
        int room = int(sizeof aside - 1 - aside_prefix.size() - 9);
        std::snprintf(aside, sizeof aside, "%s%08x.%.*s", aside_prefix.data(), digits, room, leaf);
        if (::renameat2(directory, leaf, directory, aside, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}

/// While it lives, no signal ends the process between two steps that belong together.
class SignalsHeldBack {
public:
    SignalsHeldBack()
    {
        sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_BLOCK, &all, &before_);
    }
    SignalsHeldBack(const SignalsHeldBack &) = delete;
    ~SignalsHeldBack() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

/// Remove the file that `known` (O_PATH) is open on and no other one, though names may change meanwhile: only what was
/// moved aside and is still that file goes. A file system that cannot move without replacing gets a plain unlink right
/// after the comparison.
inline Result<void> remove_known_file(int directory, const char *leaf, const struct statx &known)
{
    const SignalsHeldBack held_back;
    char aside[NAME_MAX + 1];
    int code = move_aside(directory, leaf, aside);
    if (code == ENOENT || code == EACCES || code == EPERM || code == EROFS || code == EBUSY)
        return removal_error(code);
    if (code)
        return ::unlinkat(directory, leaf, 0) == 0 ? Result<void>() : removal_error(errno);

    struct statx moved;
    code = file_status(directory, aside, AT_SYMLINK_NOFOLLOW, moved);
    if (code)
        return removal_error(code);
    if (device_of(moved) == device_of(known) && moved.stx_ino == known.stx_ino)
        return ::unlinkat(directory, aside, 0) == 0 ? Result<void>() : removal_error(errno);
    if (::renameat2(directory, aside, directory, leaf, RENAME_NOREPLACE) != 0)
        return Error::of(ESTALE,
                         "the name was taken twice meanwhile; another object than the one meant is now called "
                         "%.*s%.8s.… in its directory (rename it back)",
                         int(aside_prefix.size()), aside_prefix.data(), aside + aside_prefix.size());
    return stale_error();
}

/// A path cut into its directory, which is opened (O_PATH), and its last component, which points into the path.
struct FilePlace {
    Fd directory;
    const char *leaf;
};

inline Result<FilePlace> open_place(const char *path)
{
    std::string_view text = path;
    std::size_t slash = text.rfind('/');
    char directory[PATH_MAX] = ".";
    if (slash != text.npos)
        std::snprintf(directory, sizeof directory, "%.*s", int(slash + 1), path);
    FilePlace found{Fd(::open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC)),
                    slash == text.npos ? path : path + slash + 1};
    if (!found.directory)
        return Error::of(errno, "its directory cannot be opened: %s (the path must lead to an existing one)",
                         std::strerror(errno));
    return found;
}

/// Proof that nobody has a regular file open or mapped: a lease for writing, which the kernel grants to no one else's
/// file that somebody has, whichever namespaces that process is in. While it lives, whoever opens the file waits.
class UnusedFile {
public:
    /// `place` is open on the file (O_PATH). EBUSY if somebody has it. ENOTSUP if that cannot be found out: this user
    /// does not own it and lacks CAP_LEASE, or may not open it, or its file system does not count.
    static Result<UnusedFile> prove(int place)
    {
        char link[32];
        std::snprintf(link, sizeof link, "/proc/self/fd/%d", place);
        constexpr int flags = O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
        Fd file(::open(link, O_RDONLY | flags));
        if (!file && errno == EACCES)
            file = Fd(::open(link, O_WRONLY | flags));
        if (!file && errno == EWOULDBLOCK)
            return used();
        if (!file || !counts_users(file.get()))
            return not_known();
        // Who opens it makes the kernel send SIGIO, which ends a process; this one does nothing.
        if (::fcntl(file.get(), F_SETSIG, SIGURG) != 0)
            return not_known();
        if (::fcntl(file.get(), F_SETLEASE, F_WRLCK) == 0)
            return UnusedFile(std::move(file));
        return errno == EAGAIN ? used() : not_known();
    }

private:
    explicit UnusedFile(Fd file) : file_(std::move(file)) {}

    static Error used() { return Error::of(EBUSY, "somebody has it open or mapped"); }
    static Error not_known() { return Error::of(ENOTSUP, "whether somebody has it cannot be found out"); }

    /// Others need not: an overlay forgets who has mapped a file once its descriptor is closed.
    static bool counts_users(int file)
    {
        constexpr long mqueue_magic = 0x19800202, f2fs_magic = 0xF2F52010, xfs_magic = 0x58465342;
        struct statfs system;
        if (::fstatfs(file, &system) != 0)
            return false;
        for (long magic : {long(TMPFS_MAGIC), long(RAMFS_MAGIC), long(EXT4_SUPER_MAGIC), xfs_magic,
                           long(BTRFS_SUPER_MAGIC), f2fs_magic, long(HUGETLBFS_MAGIC), mqueue_magic})
            if (system.f_type == magic)
                return true;
        return false;
    }

    Fd file_;
};

/// Remove a file of a directory (an O_PATH descriptor will do) by its name there, as `removal` asks: ESTALE if the name
/// means another one than expected. Never removes anything but what `expect` accepts by its mode: by default regular
/// files.
inline Result<void> remove_file(int directory, const char *leaf, const Removal &removal,
                                Result<void> (*expect)(unsigned mode) = expect_regular)
{
    // Held open, so that its inode number cannot be given to another file while we work.
    Fd file(::openat(directory, leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file)
        return removal_error(errno);
    struct statx status;
    if (int code = file_status(file.get(), status))
        return removal_error(code);
    IPC_TRY(expect(status.stx_mode));
    if (!removal.expected)
        return ::unlinkat(directory, leaf, 0) == 0 ? Result<void>() : removal_error(errno);
    if (!same_object(identity_of(status), *removal.expected))
        return stale_error();
    if (!removal.unused)
        return remove_known_file(directory, leaf, status);
    const UnusedFile proof = IPC_TRY(UnusedFile::prove(file.get()));
    return removal.trial ? Result<void>() : remove_known_file(directory, leaf, status);
}

/// The same, whether somebody has it or not; only the file with that identity unless `expected` is NULL.
inline Result<void> remove_file(int directory, const char *leaf, const ipc_identity *expected,
                                Result<void> (*expect)(unsigned mode) = expect_regular)
{
    return remove_file(directory, leaf, Removal{.expected = expected}, expect);
}

} // namespace ipc
