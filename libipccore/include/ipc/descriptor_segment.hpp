// SPDX-License-Identifier: MIT
// ipc/descriptor_segment.hpp - a segment that is a regular file open on a descriptor.
//
// create_file() and open_file() give a descriptor; DescriptorSegment is the open segment over it. A plugin derives the
// class that it hands to segment_table() from DescriptorSegment and adds its own create and open:
//
//     struct Memory : ipc::DescriptorSegment {
//         using DescriptorSegment::DescriptorSegment;
//         static Result<std::unique_ptr<Memory>> create(…);
//         static Result<std::unique_ptr<Memory>> open(…);
//     };
#pragma once

#include <ipc/file_object.hpp>
#include <ipc/huge_pages.hpp>
#include <ipc/memory_left.hpp>
#include <ipc/segment.hpp>

#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>

#include <functional>
#include <limits>
#include <string>

namespace ipc {

/// Has the user asked the command to stop?
inline bool stop_requested() { return host && host->interrupted && host->interrupted(); }

inline std::uint64_t free_bytes(const struct statfs &system)
{
    return std::uint64_t(system.f_bavail) * std::uint64_t(system.f_frsize);
}

/// Why there was no room for `needed` more bytes. `place` names the file system for the user.
inline Error space_error(int code, int descriptor, std::uint64_t needed, const char *place)
{
    struct statfs system;
    if ((code != ENOSPC && code != ENOMEM) || ::fstatfs(descriptor, &system) != 0)
        return Error::system("its memory cannot be reserved", code);
    if (system.f_type == HUGETLBFS_MAGIC)
        return too_few_huge_pages(needed, std::uint64_t(system.f_bsize));
    std::uint64_t free = free_bytes(system);
    if (code == ENOSPC && system.f_files && !system.f_ffree)
        return Error::of(code, "no inode is free in %s, all %" PRIu64 " are in use (remove some files)", place,
                         std::uint64_t(system.f_files));
    if (code == ENOSPC && system.f_blocks && free < needed)
        return Error::of(code,
                         "%s is full: %" PRIu64 " bytes are free and %" PRIu64 " are needed (remove segments, or "
                         "make it larger)",
                         place, free, needed);
    if (!system.f_blocks) // without a limit of its own
        return Error::of(code,
                         "the system grants no %" PRIu64 " bytes (see vm.overcommit_memory and the control group's "
                         "memory.max)",
                         needed);
    return Error::of(code,
                     "the system grants no %" PRIu64 " bytes, though %" PRIu64 " are free in %s (see "
                     "vm.overcommit_memory, the control group's memory.max and quotas)",
                     needed, free, place);
}

/// A file may not become longer than RLIMIT_FSIZE says.
inline Result<void> check_file_size(std::uint64_t bytes)
{
    struct rlimit limit;
    if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur)
        return Error::of(EFBIG,
                         "%" PRIu64 " bytes are needed and the file size limit is %" PRIu64 " bytes (raise it: ulimit "
                         "-f)",
                         bytes, std::uint64_t(limit.rlim_cur));
    return {};
}

/// The same as check_memory_left() for a file of a tmpfs, which may be larger than what is left; of other file systems
/// nothing is asked.
inline Result<void> check_memory(int descriptor, std::uint64_t needed, std::uint64_t already)
{
    struct statfs system;
    if (::fstatfs(descriptor, &system) != 0 || system.f_type != TMPFS_MAGIC)
        return {};
    if (system.f_blocks && needed > free_bytes(system)) // fails without doing harm
        return {};
    return check_memory_left(needed, already);
}

/// A file of huge pages gets whole ones, which it would at the latest when it is mapped for writing.
inline std::uint64_t whole_pages(int descriptor, std::uint64_t bytes)
{
    struct statfs system;
    if (::fstatfs(descriptor, &system) != 0 || system.f_type != HUGETLBFS_MAGIC)
        return bytes;
    std::uint64_t page = std::uint64_t(system.f_bsize);
    return (bytes + page - 1) / page * page;
}

/// Make a file of `from` bytes `to` bytes long, with memory or blocks behind what is added: a full file system is an
/// error now and no SIGBUS later. If that fails the file has its old length.
inline Result<void> reserve(int descriptor, std::uint64_t from, std::uint64_t to, const char *place)
{
    to = whole_pages(descriptor, to);
    if (to > std::uint64_t(std::numeric_limits<off_t>::max()))
        return Error::of(EFBIG, "%" PRIu64 " bytes are more than a file can have (%" PRId64 ")", to,
                         std::int64_t(std::numeric_limits<off_t>::max()));
    IPC_TRY(check_file_size(to));
    IPC_TRY(check_memory(descriptor, to - from, from));
    int code;
    do {
        code = ::fallocate(descriptor, 0, off_t(from), off_t(to - from)) == 0 ? 0 : errno;
        if (code == EOPNOTSUPP || code == ENOSYS) // then the C library's, which writes into each block
            code = ::posix_fallocate(descriptor, off_t(from), off_t(to - from));
    } while (code == EINTR && !stop_requested());
    if (!code)
        return {};
    // Some file systems keep what they had reserved before they ran out.
    [[maybe_unused]] int ignored = ::ftruncate(descriptor, off_t(from));
    if (code == EINTR)
        return Error::of(EINTR, "stopped while its memory was being reserved");
    return space_error(code, descriptor, to - from, place);
}

/// What stands behind the bytes that a file gets: memory or blocks of their own, or nothing until they are written.
enum class Blocks { reserved, sparse };

/// As reserve(), or by a hole.
inline Result<void> lengthen(int descriptor, std::uint64_t from, std::uint64_t to, const char *place, Blocks blocks)
{
    if (blocks == Blocks::reserved || to > std::uint64_t(std::numeric_limits<off_t>::max()))
        return reserve(descriptor, from, to, place);
    IPC_TRY(check_file_size(to));
    if (::ftruncate(descriptor, off_t(to)) != 0)
        return Error::system("it cannot be made larger");
    return {};
}

inline Error creation_error(int code, int directory, const char *place)
{
    switch (code) {
    case EEXIST:
        return Error::of(code, "there is one already (remove it first, or reuse it)");
    case EACCES:
    case EPERM:
        return Error::of(code, "this user may not create it there (see the directory's mode)");
    case ENOSPC:
    case ENOMEM:
        return space_error(code, directory, 1, place);
    default:
        return Error::system("it cannot be created", code);
    }
}

/// Puts into a new file what everybody shall find there, before it has its name and owner. Throws nothing.
using Prepare = std::function<Result<void>(int descriptor, std::uint64_t bytes)>;

/// Give a new file its memory, its first contents (`prepare` may be empty), its owner and mode.
inline Result<void> complete_file(int descriptor, std::uint64_t bytes, const ipc_ownership &ownership,
                                  const char *place, const Prepare &prepare, Blocks blocks)
{
    IPC_TRY(lengthen(descriptor, 0, bytes, place, blocks));
    if (prepare)
        IPC_TRY(prepare(descriptor, bytes));
    return set_ownership(descriptor, ownership);
}

/// Where files without a name are not supported: the name is taken at once, readable by the owner alone until all is
/// done, and given up again if that fails.
inline Result<Fd> create_named_file(int directory, const char *leaf, std::uint64_t bytes,
                                    const ipc_ownership &ownership, const char *place, const Prepare &prepare,
                                    Blocks blocks)
{
    Fd file(::openat(directory, leaf, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file)
        return creation_error(errno, directory, place);
    Result<void> done = complete_file(file.get(), bytes, ownership, place, prepare, blocks);
    if (done)
        return file;
    struct statx status;
    if (file_status(file.get(), status) == 0)
        (void)remove_known_file(directory, leaf, status);
    return done.error();
}

/// Give a file without a name one. 0 or an errno value. By the descriptor itself, which takes a right
/// (CAP_DAC_READ_SEARCH), else through /proc.
inline int link_file(int file, int directory, const char *leaf)
{
    if (::linkat(file, "", directory, leaf, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno != ENOENT)
        return errno;
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return ::linkat(AT_FDCWD, path, directory, leaf, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

/// The same file open by its name, so that it goes by that in /proc and not as a deleted one without a name. None where
/// that may not be, as by its mode.
inline Fd open_by_name(int file, int directory, const char *leaf)
{
    struct stat here, there;
    Fd named(::openat(directory, leaf, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (named && ::fstat(file, &here) == 0 && ::fstat(named.get(), &there) == 0 && here.st_dev == there.st_dev &&
        here.st_ino == there.st_ino)
        return named;
    return Fd();
}

/// That, or the one at hand.
inline Fd reopen_by_name(Fd file, int directory, const char *leaf)
{
    Fd named = open_by_name(file.get(), directory, leaf);
    return named ? std::move(named) : std::move(file);
}

/// Create a file of `bytes` zero bytes, or what `prepare` makes of them, that is to be in a directory (an O_PATH
/// descriptor will do) and has no name there yet, open for reading and writing: with its memory, owned and with its
/// mode. EEXIST if the name is taken already, also by a link or FIFO; ENOTSUP where there are no files without a name.
/// `place` is how the user knows the file system.
inline Result<Fd> create_unnamed_file(int directory, const char *leaf, std::uint64_t bytes,
                                      const ipc_ownership &ownership, const char *place, const Prepare &prepare = {},
                                      Blocks blocks = Blocks::reserved)
{
    if (bytes == 0)
        return Error::of(EINVAL, "a segment has at least 1 byte (give a size)");
    // Asked first, so that a large segment is not reserved in vain; the link decides.
    if (struct statx status; file_status(directory, leaf, AT_SYMLINK_NOFOLLOW, status) == 0) {
        if (!S_ISREG(status.stx_mode))
            return Error::of(EEXIST, "%s has that name (choose another one)", kind_of(status.stx_mode));
        return creation_error(EEXIST, directory, place);
    }
    Fd file(::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        return Error::of(ENOTSUP, "%s has no files without a name", place);
    if (!file)
        return creation_error(errno, directory, place);
    IPC_TRY(complete_file(file.get(), bytes, ownership, place, prepare, blocks));
    return file;
}

/// The same with its name, under which it appears complete.
inline Result<Fd> create_file(int directory, const char *leaf, std::uint64_t bytes, const ipc_ownership &ownership,
                              const char *place, const Prepare &prepare = {}, Blocks blocks = Blocks::reserved)
{
    Result<Fd> file = create_unnamed_file(directory, leaf, bytes, ownership, place, prepare, blocks);
    if (!file && file.error().code() == ENOTSUP)
        return create_named_file(directory, leaf, bytes, ownership, place, prepare, blocks);
    if (!file)
        return file;
    if (int code = link_file(file->get(), directory, leaf))
        return creation_error(code, directory, place);
    return reopen_by_name(std::move(*file), directory, leaf);
}

inline Error opening_error(int code, const struct statx &status)
{
    if (code == EACCES || code == EPERM)
        return Error::of(code, "this user may not open it: it belongs to user %u and group %u and has mode %04o",
                         status.stx_uid, status.stx_gid, status.stx_mode & 07777u);
    return Error::system("it cannot be opened", code);
}

/// Open a regular file that exists. What is not one is refused before it is opened, since opening a FIFO or a device
/// has effects, and after it, since the name may have changed meanwhile. `flags` may hold O_NOFOLLOW.
inline Result<Fd> open_file(const char *path, std::uint32_t access, int flags)
{
    struct statx status;
    int code = file_status(AT_FDCWD, path, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0, status);
    if (code)
        return lookup_error(code);
    IPC_TRY(expect_regular(status.stx_mode));
    flags |= (access & IPC_WRITE ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    Fd file(::open(path, flags));
    if (!file)
        return opening_error(errno, status);
    if (int failed = file_status(file.get(), status))
        return Error::system("it cannot be opened", failed);
    IPC_TRY(expect_regular(status.stx_mode));
    return file;
}

/// An open segment: owns the descriptor and at most one mapping.
class DescriptorSegment {
public:
    /// `access` is what the descriptor was opened for; `populate` faults all pages in when mapping; `place` is how the
    /// user knows the file system, a constant.
    DescriptorSegment(Fd descriptor, std::uint32_t access, bool populate, const char *place)
        : descriptor_(std::move(descriptor)), access_(access), populate_(populate), place_(place)
    {
    }
    DescriptorSegment(const DescriptorSegment &) = delete;
    DescriptorSegment &operator=(const DescriptorSegment &) = delete;
    ~DescriptorSegment() { unmap(); }

    Result<void> status(ipc_segment_status &status)
    {
        struct statx file;
        if (int code = file_status(descriptor_.get(), file))
            return Error::system("its status cannot be read", code);
        status.descriptor = descriptor_.get();
        status.bytes = file.stx_size;
        status.page_size = page_size();
        status.identity = identity_of(file);
        status.name = nullptr;
        return {};
    }

    /// Maps anew if the file's length is another than that of the mapping, whoever changed it.
    Result<void> map(ipc_mapping &mapping)
    {
        std::uint64_t bytes = IPC_TRY(length());
        if (bytes != mapped_) {
            unmap();
            IPC_TRY(map_all(bytes));
        }
        mapping.address = address_;
        mapping.length = mapped_;
        return {};
    }

    Result<void> resize(std::uint64_t bytes, Blocks blocks = Blocks::reserved)
    {
        if (!(access_ & IPC_WRITE))
            return Error::of(EBADF, "it is open for reading only and so keeps its size");
        if (bytes == 0)
            return Error::of(EINVAL, "a segment has at least 1 byte (remove it instead)");
        std::uint64_t now = IPC_TRY(length());
        if (bytes > now)
            IPC_TRY(lengthen(descriptor_.get(), now, bytes, place_, blocks));
        else if (bytes < now && ::ftruncate(descriptor_.get(), off_t(bytes)) != 0)
            return Error::system("it cannot be made smaller");
        if (bytes != now)
            unmap();
        return {};
    }

    int descriptor() const { return descriptor_.get(); }

    /// It is a file of create_unnamed_file() that is to be called `leaf` in `directory`.
    void name_later(Fd directory, const char *leaf)
    {
        naming_directory_ = std::move(directory);
        leaf_ = leaf;
    }

    /// What commit() begins with where create_unnamed() is offered: a file without a name gets it. EEXIST if it was
    /// taken meanwhile. The descriptor keeps its number; a mapping ends.
    Result<void> take_name()
    {
        if (!naming_directory_)
            return {};
        if (int code = link_file(descriptor_.get(), naming_directory_.get(), leaf_.c_str()))
            return creation_error(code, naming_directory_.get(), place_);
        unmap();
        if (Fd named = open_by_name(descriptor_.get(), naming_directory_.get(), leaf_.c_str()))
            ::dup3(named.get(), descriptor_.get(), O_CLOEXEC);
        naming_directory_ = Fd();
        return {};
    }

protected:
    void unmap()
    {
        if (!mapped_)
            return;
        // munmap of huge pages wants whole ones.
        std::uint64_t page = page_size();
        ::munmap(address_, (mapped_ + page - 1) / page * page);
        address_ = nullptr;
        mapped_ = 0;
    }

private:
    Result<std::uint64_t> length()
    {
        struct stat file;
        if (::fstat(descriptor_.get(), &file) != 0)
            return Error::system("its size cannot be read");
        return std::uint64_t(file.st_size);
    }

    std::uint64_t page_size()
    {
        struct statfs system;
        if (page_size_ == 0)
            page_size_ = ::fstatfs(descriptor_.get(), &system) == 0 && system.f_type == HUGETLBFS_MAGIC
                             ? std::uint64_t(system.f_bsize)
                             : std::uint64_t(::sysconf(_SC_PAGESIZE));
        return page_size_;
    }

    Result<void> map_all(std::uint64_t bytes)
    {
        if (bytes == 0)
            return {};
        int protection = access_ & IPC_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
        void *address = ::mmap(nullptr, bytes, protection, MAP_SHARED, descriptor_.get(), 0);
        if (address == MAP_FAILED)
            return mapping_error(errno, bytes);
        address_ = address;
        mapped_ = bytes;
        if (!populate_ ||
            ::madvise(address, bytes, access_ & IPC_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) == 0)
            return {};
        if (errno == EINVAL) // Linux before 5.14: pages then come as they are touched
            return {};
        Error error =
            Error::of(errno, "its pages cannot be faulted in: %s (leave out ?populate)", std::strerror(errno));
        unmap();
        return error;
    }

    Fd descriptor_;
    std::uint32_t access_;
    bool populate_;
    const char *place_;
    std::uint64_t page_size_ = 0;
    void *address_ = nullptr;
    std::uint64_t mapped_ = 0;
    Fd naming_directory_; // where its name is to be, as long as it has none
    std::string leaf_;
};

/// Create the file and the open segment on it. `Memory` is derived from DescriptorSegment. What is to be populated has
/// all its pages zeroed now, so that nobody who maps it later waits for that.
template <typename Memory>
Result<std::unique_ptr<Memory>> create_segment(int directory, const char *leaf, std::uint64_t bytes,
                                               const ipc_ownership &ownership, bool populate, const char *place,
                                               const Prepare &prepare = {}, Blocks blocks = Blocks::reserved)
{
    Fd file = IPC_TRY(create_file(directory, leaf, bytes, ownership, place, prepare, blocks));
    auto memory = std::make_unique<Memory>(std::move(file), IPC_READ | IPC_WRITE, populate, place);
    ipc_mapping mapping = {};
    Result<void> mapped = populate ? memory->map(mapping) : Result<void>();
    if (mapped)
        return memory;
    if (struct statx status; file_status(memory->descriptor(), status) == 0)
        (void)remove_known_file(directory, leaf, status);
    return mapped.error();
}

/// The same of a file that gets its name by DescriptorSegment::take_name().
template <typename Memory>
Result<std::unique_ptr<Memory>> create_unnamed_segment(Fd directory, const char *leaf, std::uint64_t bytes,
                                                       const ipc_ownership &ownership, bool populate, const char *place,
                                                       Blocks blocks = Blocks::reserved)
{
    Fd file = IPC_TRY(create_unnamed_file(directory.get(), leaf, bytes, ownership, place, {}, blocks));
    auto memory = std::make_unique<Memory>(std::move(file), IPC_READ | IPC_WRITE, populate, place);
    memory->name_later(std::move(directory), leaf);
    ipc_mapping mapping = {};
    if (populate)
        IPC_TRY(memory->map(mapping));
    return memory;
}

} // namespace ipc
