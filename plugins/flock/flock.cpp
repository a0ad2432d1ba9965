// SPDX-License-Identifier: MIT
// flock: locks on files, flock(2) and open file description locks, fcntl(2). The kernel keeps them as long as somebody
// has the file open through the descriptor that was locked.
#include "lock_table.hpp"

#include <ipc/deadline.hpp>
#include <ipc/file_object.hpp>
#include <ipc/semaphore.hpp>

#include <sys/file.h>

#include <string>

namespace {

using file_lock::Kind;
using ipc::Deadline;
using ipc::Error;
using ipc::Fd;
using ipc::Result;

Kind kind_of_address(const ipc_address &address)
{
    const char *type = ipc::parameter(address, "type");
    return type && std::string_view(type) == "ofd" ? Kind::description : Kind::flock;
}

/// The directory of a path, and the name in it.
struct Place {
    Fd directory;
    const char *leaf;
};

Result<Place> open_place(const char *path)
{
    const char *slash = std::strrchr(path, '/');
    const std::string directory = slash ? std::string(path, slash == path ? 1 : std::size_t(slash - path)) : ".";
    Fd opened(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return Error::of(errno, "its directory cannot be opened: %s (create it first)", std::strerror(errno));
    return Place{std::move(opened), slash ? slash + 1 : path};
}

Result<void> expect_lockable(unsigned mode)
{
    if (S_ISREG(mode))
        return {};
    return Error::of(S_ISDIR(mode) ? EISDIR : EINVAL,
                     "there is %s of that name and no regular file (choose another name)", ipc::kind_of(mode));
}

Error creation_error(int code, int directory, const char *leaf)
{
    struct statx status;
    if (code == EEXIST && ipc::file_status(directory, leaf, AT_SYMLINK_NOFOLLOW, status) == 0 &&
        !S_ISREG(status.stx_mode))
        return Error::of(code, "%s has that name (choose another one)", ipc::kind_of(status.stx_mode));
    if (code == EEXIST)
        return Error::of(code, "there is a file of that name already (use it, or remove it first)");
    if (code == EACCES || code == EPERM || code == EROFS)
        return Error::of(code, "this user may not create it there (see the directory's mode)");
    return Error::system("it cannot be created", code);
}

/// For reading and writing where that may be: locks of open file descriptions want it.
Fd open_for_locking(const char *path)
{
    constexpr int flags = O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    Fd file(::open(path, O_RDWR | flags));
    if (!file && (errno == EACCES || errno == EROFS))
        file = Fd(::open(path, O_RDONLY | flags));
    return file;
}

/// Looked at before it is opened, since opening a FIFO or a device has effects, and after it, since the name may have
/// changed meanwhile.
Result<Fd> open_named(const char *path)
{
    struct statx status;
    if (const int code = ipc::file_status(AT_FDCWD, path, 0, status))
        return ipc::lookup_error(code);
    IPC_TRY(expect_lockable(status.stx_mode));
    Fd file = open_for_locking(path);
    if (!file)
        return Error::of(errno, "this user may not open it: %s (it belongs to user %u, its mode is %04o)",
                         std::strerror(errno), status.stx_uid, status.stx_mode & 07777u);
    if (const int code = ipc::file_status(file.get(), status))
        return Error::system("it cannot be opened", code);
    IPC_TRY(expect_lockable(status.stx_mode));
    return file;
}

class FileLock {
public:
    static constexpr std::uint32_t features = IPC_SEMAPHORE_SHARED | IPC_SEMAPHORE_RELEASED | IPC_SEMAPHORE_INHERITED;

    FileLock(Fd file, const ipc_address &address)
        : file_(std::move(file)), kind_(kind_of_address(address)), path_(address.name)
    {
    }

    static Result<std::unique_ptr<FileLock>> create(const ipc_address &address, std::uint32_t purpose,
                                                    std::uint64_t value, const ipc_ownership &ownership);
    static Result<std::unique_ptr<FileLock>> open(const ipc_address &address);

    Result<void> status(ipc_semaphore_status &status);
    Result<std::uint64_t> lock(std::uint64_t slots, bool shared, std::int64_t timeout);
    Result<void> unlock();
    Result<void> entrust(std::int64_t process);

private:
    int apply(int operation, bool may_wait);
    int apply_until(int operation, const Deadline &deadline);
    bool has_its_name() const;
    Result<void> begin_anew();
    Error refusal(int code, bool shared) const;

    Fd file_;
    Kind kind_;
    std::string path_;
};

Result<std::unique_ptr<FileLock>> FileLock::create(const ipc_address &address, std::uint32_t purpose,
                                                   std::uint64_t value, const ipc_ownership &ownership)
{
    if (purpose == IPC_PURPOSE_MEET)
        return Error::of(ENOTSUP, "a locked file is no barrier");
    if (value != 1)
        return Error::of(EINVAL, "a file is locked by one, or by many that share the lock (its value is 1)");
    const Place place = IPC_TRY(open_place(address.name));
    Fd file(::openat(place.directory.get(), place.leaf, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file)
        return creation_error(errno, place.directory.get(), place.leaf);
    if (const Result<void> owned = ipc::set_ownership(file.get(), ownership); !owned) {
        ::unlinkat(place.directory.get(), place.leaf, 0);
        return owned.error();
    }
    return std::make_unique<FileLock>(std::move(file), address);
}

Result<std::unique_ptr<FileLock>> FileLock::open(const ipc_address &address)
{
    return std::make_unique<FileLock>(IPC_TRY(open_named(address.name)), address);
}

Result<void> FileLock::status(ipc_semaphore_status &status)
{
    struct statx file;
    if (const int code = ipc::file_status(file_.get(), file))
        return Error::system("its status cannot be read", code);
    const file_lock::LockState state = file_lock::lock_state(ipc::device_of(file), file.stx_ino, kind_);
    status.features = features;
    status.value = state.locked ? 0 : 1;
    status.max_value = 1;
    status.waiters = state.known ? state.waiters : IPC_UNKNOWN;
    status.last_process = state.holder;
    status.identity = ipc::identity_of(file);
    status.name = nullptr;
    return {};
}

/// `operation` is one of flock(2); 0 or -1 with errno.
int FileLock::apply(int operation, bool may_wait)
{
    if (kind_ == Kind::flock)
        return ::flock(file_.get(), operation | (may_wait ? 0 : LOCK_NB));
    struct flock range = {};
    range.l_type = operation == LOCK_SH ? F_RDLCK : operation == LOCK_EX ? F_WRLCK : F_UNLCK;
    range.l_whence = SEEK_SET;
    return ::fcntl(file_.get(), may_wait ? F_OFD_SETLKW : F_OFD_SETLK, &range);
}

Error FileLock::refusal(int code, bool shared) const
{
    switch (code) {
    case EAGAIN:
    case ETIMEDOUT:
    case EINTR:
        return ipc::vain_wait(code, "locked by another process");
    case EBADF:
        return Error::of(EACCES, "this user may only read it, and then it can only be locked %s",
                         shared ? "by flock (leave out ?type=ofd)" : "shared (use --shared, or leave out ?type=ofd)");
    case ENOLCK:
        return Error::of(ENOLCK, "the file system cannot lock it, or has no room for more locks");
    default:
        return Error::system("locking it", code);
    }
}

/// What has another name, or none, locks nobody out.
bool FileLock::has_its_name() const
{
    struct stat locked, named;
    return ::fstat(file_.get(), &locked) == 0 && ::stat(path_.c_str(), &named) == 0 && locked.st_dev == named.st_dev &&
           locked.st_ino == named.st_ino;
}

/// Go on with the file that has the name now.
Result<void> FileLock::begin_anew()
{
    Result<Fd> file = open_named(path_.c_str());
    if (!file && file.error().code() == ENOENT)
        return Error::of(EIDRM, "the file was removed before it could be locked (create it again, or stop using it)");
    file_ = IPC_TRY(std::move(file));
    return {};
}

/// Wait for it; 0, or an errno value. EIDRM if it lost its name meanwhile, since nobody wakes who waits for that.
int FileLock::apply_until(int operation, const Deadline &deadline)
{
    constexpr std::int64_t second = 1'000'000'000;
    for (;;) {
        const Deadline slice(std::max<std::int64_t>(1, deadline.left_within(second)));
        if (const int code = ipc::call_until(slice, [&] { return apply(operation, true); }); code != ETIMEDOUT)
            return code;
        if (!has_its_name())
            return EIDRM;
        if (deadline.over())
            return deadline.code();
    }
}

Result<std::uint64_t> FileLock::lock(std::uint64_t slots, bool shared, std::int64_t timeout)
{
    if (slots > 1)
        return Error::of(EINVAL, "a file has one lock and no slots (leave out --slots, or share it)");
    const int operation = shared ? LOCK_SH : LOCK_EX;
    const Deadline deadline(timeout);
    for (;;) {
        int code = apply(operation, false) == 0 ? 0 : errno;
        if ((code == EAGAIN || code == EACCES) && !deadline.at_once())
            code = apply_until(operation, deadline);
        if (code && code != EIDRM)
            return refusal(code == EACCES ? EAGAIN : code, shared);
        if (!code && has_its_name())
            return std::uint64_t(shared ? 0 : 1);
        IPC_TRY(begin_anew());
    }
}

Result<void> FileLock::unlock()
{
    if (apply(LOCK_UN, false) != 0)
        return Error::system("unlocking it");
    return {};
}

/// The descriptor is the lock: one more, where few programs use one. A program that closes it all the same leaves the
/// lock to those who run it.
Result<void> FileLock::entrust(std::int64_t)
{
    for (const int least : {1023, 511, 200, 10, 3})
        if (::fcntl(file_.get(), F_DUPFD, least) >= 0)
            return {};
    return Error::system("handing the lock on");
}

Result<void> check(const ipc_address &address)
{
    const std::string_view path = address.name;
    if (path.empty() || path.ends_with('/'))
        return Error::of(EINVAL, "a file is named by its path (write flock:/tmp/lock)");
    if (path.size() >= PATH_MAX)
        return Error::of(EINVAL, "the path has %zu bytes (at most %d are allowed)", path.size(), PATH_MAX - 1);
    const char *type = ipc::parameter(address, "type");
    if (type && std::string_view(type) != "flock" && std::string_view(type) != "ofd")
        return Error::of(EINVAL,
                         "there is no such type of lock (write ?type=flock, which is the default, or ?type=ofd)");
    return {};
}

Result<void> remove(const ipc_address &address, const ipc::Removal &removal)
{
    const Place place = IPC_TRY(open_place(address.name));
    return ipc::remove_file(place.directory.get(), place.leaf, removal);
}

constexpr ipc_semaphore_v1 semaphore = ipc::semaphore_table<FileLock>();

const void *capability(const char *name)
{
    const std::string_view wanted = name;
    if (wanted == IPC_SEMAPHORE_1)
        return &semaphore;
    return wanted == IPC_INSPECT_1 ? &file_lock::inspect : nullptr;
}

constexpr ipc_parameter_info parameters[] = {
    {"type", "flock|ofd", "locks of flock(2), which is the default, or open file description locks of fcntl(2)"},
};

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "flock",
    .summary = "locks on files",
    .version = "1.0",
    .parameters = parameters,
    .parameter_count = std::size(parameters),
    .flags = IPC_PLUGIN_PATHS,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = ipc::remove_always<remove>,
    .remove_unused = ipc::remove_unused<remove>,
};

} // namespace

IPC_PLUGIN(plugin)
