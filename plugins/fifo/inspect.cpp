// SPDX-License-Identifier: MIT
// fifo: the FIFOs that processes have open. No list of others exists, and no FIFO is opened to look at it: that would
// release whoever waits for its other end.
#include "fifo.hpp"

#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <algorithm>

namespace fifo {
namespace {

/// A duplicate of what another process has open, if this user may have one. Closed at once: while it lives, the other
/// ends do not see that the process has closed its own.
Fd borrow(std::int64_t process, std::int64_t descriptor)
{
    Fd handle(int(::syscall(SYS_pidfd_open, pid_t(process), 0)));
    return Fd(handle ? int(::syscall(SYS_pidfd_getfd, handle.get(), int(descriptor), 0)) : -1);
}

void describe_content(const ipc_sight &sight, ipc_object &object)
{
    Fd end = borrow(sight.process, sight.number);
    struct statx status;
    int waiting = 0;
    bool same =
        end && ipc::file_status(end.get(), status) == 0 && S_ISFIFO(status.stx_mode) && status.stx_ino == sight.inode;
    int size = same ? ::fcntl(end.get(), F_GETPIPE_SZ) : -1;
    if (size < 0 || ::ioctl(end.get(), FIONREAD, &waiting) != 0) {
        object.flags |= IPC_OBJECT_DENIED;
        return;
    }
    object.capacity = std::uint64_t(size);
    object.used = std::uint64_t(waiting);
}

void describe_status(const struct statx &status, ipc_object &object)
{
    ipc::describe_file(status, object);
    object.capacity = object.used = IPC_UNKNOWN;
    object.last_in_time = ipc::time_of(status.stx_mtime);
    if (status.stx_nlink == 0)
        object.flags |= IPC_OBJECT_REMOVED;
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_FIFOS | IPC_CLAIMS_CALLS;

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        struct statx status;
        if (int code = ipc::file_status(AT_FDCWD, address.name, link_flag(address.name, AT_SYMLINK_NOFOLLOW), status))
            return ipc::lookup_error(code);
        IPC_TRY(expect_fifo(status.stx_mode));
        ipc_object object;
        ipc_object_clear(&object);
        object.name = address.name;
        describe_status(status, object);
        emit(object);
        return {};
    }

    /// Pipes without a name call themselves pipe:[INODE]. Who only keeps hold of the place (O_PATH) has no end.
    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        claim.role = IPC_ROLE_HOLDER;
        claim.descriptor = -1;
        if (sight.kind == IPC_SIGHT_CALL) {
            if (sight.number != SYS_read && sight.number != SYS_write)
                return false;
            claim.role = sight.number == SYS_read ? IPC_ROLE_WAITS_TO_RECEIVE : IPC_ROLE_WAITS_TO_SEND;
            claim.descriptor = int(sight.arguments[0]);
            return claim.descriptor >= 0;
        }
        if (sight.kind != IPC_SIGHT_DESCRIPTOR || !S_ISFIFO(sight.mode) || !sight.access || sight.path[0] != '/')
            return false;
        claim.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
        return true;
    }

    /// Under its path, where that means the same FIFO here; else under the link in /proc.
    static bool describe(const ipc_sight &sight, const Emit<ipc_object> &emit)
    {
        struct statx held, named;
        if (!ipc::sight_status(sight, held))
            return false;
        ipc_object object;
        ipc_object_clear(&object);
        describe_status(held, object);
        object.identity.device = sight.device;
        describe_content(sight, object);
        bool same = ipc::file_status(AT_FDCWD, sight.path, AT_SYMLINK_NOFOLLOW, named) == 0 &&
                    ipc::device_of(named) == ipc::device_of(held) && named.stx_ino == held.stx_ino;
        char link[64];
        std::snprintf(link, sizeof link, "/proc/%" PRId64 "/fd/%" PRId64, sight.process, sight.number);
        object.name = same ? sight.path : link;
        const std::string before = ipc::path_before_removal(sight.path);
        if (!same)
            object.detail = before.c_str();
        emit(object);
        return true;
    }
};

} // namespace

constinit const ipc_inspect_v1 inspect = ipc::inspect_table<Inspection>();

} // namespace fifo
