// SPDX-License-Identifier: MIT
// posix-mq: which queues exist and who holds them.
#include "posix_mq.hpp"

#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>

namespace posix_mq {

namespace {

constexpr long mqueue_magic = 0x19800202; // MQUEUE_MAGIC

int failure_of_directory = 0;

/// Keep why the directory is not to be had, if this machine could not give it just now. Answers -1.
int no_directory(int code)
{
    for (const int failure : {EMFILE, ENFILE, ENOMEM, EIO})
        if (code == failure)
            failure_of_directory = code;
    return -1;
}

/// The mqueue file system of this namespace, mounted nowhere. -1 if this user may not.
int detached_mount()
{
    Fd context(::fsopen("mqueue", FSOPEN_CLOEXEC));
    if (!context || ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        return no_directory(errno);
    const int mount = ::fsmount(context.get(), FSMOUNT_CLOEXEC, 0);
    return mount >= 0 ? mount : no_directory(errno);
}

/// A mounted one may be of another IPC namespace, which nothing says: its queues are then not to be opened from here,
/// or are others on another device. An empty one hides nothing.
bool is_of_our_namespace(int directory)
{
    struct statx mounted, status;
    bool found = false, empty = true;
    if (ipc::file_status(directory, mounted) != 0)
        return false;
    const Result<void> gone_over = for_each_queue(directory, [&](const char *name) {
        empty = false;
        Fd queue(::mq_open(PosixName(name).text(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        if (queue)
            found = ipc::file_status(queue.get(), status) == 0 && ipc::device_of(status) == ipc::device_of(mounted);
        else
            found = errno != ENOENT;
        return !found && !queue;
    });
    if (!gone_over)
        no_directory(gone_over.error().code());
    return found || (empty && gone_over);
}

int mounted_directory()
{
    Fd directory(::open("/dev/mqueue", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct statfs system;
    if (!directory)
        return no_directory(errno);
    if (::fstatfs(directory.get(), &system) != 0 || system.f_type != mqueue_magic ||
        !is_of_our_namespace(directory.get()))
        return -1;
    return directory.release();
}

/// st_dev of the queues, by which descriptors are known; 0 as long as it is not known.
std::uint64_t queue_device = 0;

std::uint64_t own_namespace()
{
    static std::uint64_t inode = 0;
    if (struct statx status; !inode && ipc::file_status(AT_FDCWD, "/proc/self/ns/ipc", 0, status) == 0)
        inode = status.stx_ino;
    return inode;
}

/// Where no directory tells, the first descriptor of a queue that is met does. Devices that were none are remembered.
void learn_device(const ipc_sight &sight)
{
    static std::uint64_t others[8];
    static unsigned count = 0;
    for (unsigned i = 0; i < std::min(count, 8u); i++)
        if (others[i] == sight.device)
            return;
    if (sight.ipc_namespace != own_namespace() || std::strchr(sight.path + 1, '/'))
        return;
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%" PRId64 "/fd/%" PRId64, sight.process, sight.number);
    struct statfs system;
    if (::statfs(path, &system) == 0 && system.f_type == mqueue_magic)
        queue_device = sight.device;
    else
        others[count++ % 8] = sight.device;
}

bool is_queue(const ipc_sight &sight)
{
    if (sight.kind != IPC_SIGHT_DESCRIPTOR || !S_ISREG(sight.mode) || sight.path[0] != '/')
        return false;
    static bool asked = false;
    if (!queue_device && !asked)
        queue_directory();
    asked = true;
    if (!queue_device)
        learn_device(sight);
    return sight.device == queue_device;
}

/// Who is told of a message that arrives: "notifies process 12 by signal 10". Empty if nobody.
struct Detail {
    char text[80] = "";

    void set(unsigned how, int signal, long process)
    {
        if (process && how == SIGEV_SIGNAL)
            std::snprintf(text, sizeof text, "notifies process %ld by signal %d", process, signal);
        else if (process)
            std::snprintf(text, sizeof text,
                          how == SIGEV_NONE ? "process %ld takes the notification, silently"
                                            : "notifies process %ld by a thread",
                          process);
    }
};

/// What the queue's file says: bytes waiting, and who is told of a new message. Reading it sets the times of access and
/// of the last change of status, which mean nothing for a queue, and not that of modification.
Result<void> describe_contents(int queue, ipc_object &object, Detail &detail)
{
    char text[128] = "";
    unsigned long long bytes;
    unsigned how;
    int signal;
    long process;
    if (::pread(queue, text, sizeof text - 1, 0) < 0)
        return Error::system("it cannot be read");
    if (std::sscanf(text, "QSIZE:%llu NOTIFY:%u SIGNO:%d NOTIFY_PID:%ld", &bytes, &how, &signal, &process) == 4) {
        object.used = bytes;
        detail.set(how, signal, process);
    }
    return {};
}

/// Emit a queue. `readable` is open on it for reading, or is no descriptor. An error is told behind the emission.
Result<bool> emit_queue(const char *name, const struct statx &status, const Fd &readable, std::uint32_t flags,
                        const Emit<ipc_object> &emit)
{
    Result<void> described;
    ipc_object object;
    ipc_object_clear(&object);
    Detail detail;
    object.name = name;
    object.flags = flags;
    object.identity = identity_of_queue(status);
    object.mode = status.stx_mode & 07777;
    object.owner = status.stx_uid;
    object.group = status.stx_gid;
    object.changed = ipc::time_of(status.stx_mtime); // of the last message that came or went
    if (mq_attr sizes; readable && ::mq_getattr(readable.get(), &sizes) == 0) {
        object.messages = std::uint64_t(sizes.mq_curmsgs);
        object.max_messages = std::uint64_t(sizes.mq_maxmsg);
        object.max_message_size = std::uint64_t(sizes.mq_msgsize);
        object.capacity = object.max_messages * object.max_message_size;
        described = describe_contents(readable.get(), object, detail);
    } else {
        object.flags |= IPC_OBJECT_DENIED;
        if (readable)
            described = Error::system("its limits cannot be read");
    }
    object.detail = detail.text[0] ? detail.text : nullptr;
    const bool more = emit(object);
    return described ? Result<bool>(more) : described.error();
}

/// Opened and closed again each time: a descriptor that is kept would make this process a holder, for whose sake others
/// refuse to remove the queue, and would keep a removed one in being.
Result<bool> emit_entry(int directory, const char *leaf, const Emit<ipc_object> &emit)
{
    struct statx status;
    if (const int code = ipc::file_status(directory, leaf, AT_SYMLINK_NOFOLLOW, status))
        return Error::system("it cannot be looked at", code);
    Fd readable(::openat(directory, leaf, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    const int code = readable ? 0 : errno;
    const bool more = IPC_TRY(emit_queue(PosixName(leaf).text(), status, readable, 0, emit));
    if (code && code != EACCES && code != EPERM)
        return Error::system("it cannot be opened", code);
    return more;
}

/// Without a directory a queue can only be looked at by opening it.
Result<void> look_by_opening(const PosixName &name, const Emit<ipc_object> &emit)
{
    struct statx status;
    Fd readable(::mq_open(name.text(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    Fd writable(readable || errno != EACCES ? -1 : ::mq_open(name.text(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (!readable && !writable && errno != EACCES)
        return ipc::lookup_error(errno);
    int queue = readable ? readable.get() : writable.get();
    if (queue >= 0 && ipc::file_status(queue, status) == 0) {
        IPC_TRY(emit_queue(name.text(), status, readable, 0, emit));
        return {};
    }
    ipc_object object;
    ipc_object_clear(&object);
    object.name = name.text();
    object.flags = IPC_OBJECT_DENIED;
    emit(object);
    return {};
}

/// The queue behind another process's descriptor, held without being opened. No descriptor if it is another one by now.
Fd hold_sight(const ipc_sight &sight, struct statx &status)
{
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%" PRId64 "/fd/%" PRId64, sight.process, sight.number);
    Fd held(::open(path, O_PATH | O_CLOEXEC));
    if (!held || ipc::file_status(held.get(), status) != 0 || ipc::device_of(status) != sight.device ||
        status.stx_ino != sight.inode)
        return Fd();
    return held;
}

void tell_hidden()
{
    ipc::host->notice("POSIX queues are hidden but for those that this user's processes hold, since this namespace's "
                      "mqueue file system is not mounted (CAP_SYS_ADMIN shows them, or: mount -t mqueue none "
                      "/dev/mqueue)");
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_REGULAR_FILES | IPC_CLAIMS_CALLS;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        int directory = queue_directory();
        if (directory >= 0)
            return for_each_queue(directory, [&](const char *leaf) { return emit_entry(directory, leaf, emit); });
        if (const int code = queue_directory_failure())
            return Error::system("the queues cannot be listed", code);
        tell_hidden();
        return {};
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        PosixName name(address.name);
        int directory = queue_directory();
        if (directory < 0)
            return look_by_opening(name, emit);
        struct statx status;
        if (int code = ipc::file_status(directory, name.leaf(), AT_SYMLINK_NOFOLLOW, status))
            return ipc::lookup_error(code);
        IPC_TRY(emit_entry(directory, name.leaf(), emit));
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        bool sends = sight.number == SYS_mq_timedsend;
        if (sight.kind == IPC_SIGHT_CALL && (sends || sight.number == SYS_mq_timedreceive)) {
            claim.role = sends ? IPC_ROLE_WAITS_TO_SEND : IPC_ROLE_WAITS_TO_RECEIVE;
            claim.descriptor = int(sight.arguments[0]);
            return true;
        }
        if (!is_queue(sight))
            return false;
        claim.role = IPC_ROLE_HOLDER;
        claim.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
        claim.descriptor = -1;
        return true;
    }

    /// A queue that was removed and lives on, or one that no directory shows.
    static bool describe(const ipc_sight &sight, const Emit<ipc_object> &emit)
    {
        struct statx status;
        Fd held = sight.kind == IPC_SIGHT_DESCRIPTOR ? hold_sight(sight, status) : Fd();
        if (!held)
            return false;
        char path[32];
        std::snprintf(path, sizeof path, "/proc/self/fd/%d", held.get());
        Fd readable(::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        std::string_view name = sight.path;
        bool removed = status.stx_nlink == 0;
        if (removed && name.ends_with(ipc::deleted_suffix))
            name.remove_suffix(ipc::deleted_suffix.size());
        (void)emit_queue(PosixName(name).text(), status, readable, removed ? std::uint32_t{IPC_OBJECT_REMOVED} : 0,
                         emit);
        return true;
    }

    static Result<void> limits(const Emit<ipc_limit> &emit) { return posix_mq::limits(emit); }
};

} // namespace

int queue_directory()
{
    static int directory = -1;
    failure_of_directory = directory < 0 ? 0 : failure_of_directory;
    if (directory < 0)
        directory = detached_mount();
    if (directory < 0)
        directory = mounted_directory();
    if (struct statx status; directory >= 0 && !queue_device && ipc::file_status(directory, status) == 0)
        queue_device = ipc::device_of(status);
    return directory;
}

int queue_directory_failure() { return failure_of_directory; }

ipc_identity identity_of_queue(const struct statx &status)
{
    ipc_identity identity = ipc::identity_of(status);
    if (!(status.stx_mask & STATX_BTIME))
        identity.birth = IPC_NO_TIME;
    return identity;
}

const ipc_inspect_v1 inspect = ipc::inspect_table<Inspection>();

} // namespace posix_mq
