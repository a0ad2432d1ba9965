// SPDX-License-Identifier: MIT
#include "queues.hpp"

#include <sys/syscall.h>

namespace {

using namespace ipc;

/// A queue with its name, which the object points to.
class Portrait {
public:
    Portrait(int id, const msqid_ds &record, const msginfo &limits) : name_(record.msg_perm.__key, id)
    {
        ipc_object_clear(&object);
        const struct ipc_perm &permissions = record.msg_perm;
        object.name = name_.text();
        object.identity = sysv::identity<Queues>(id, record);
        object.flags = IPC_OBJECT_USERS;
        object.capacity = record.msg_qbytes;
        object.used = record.__msg_cbytes;
        object.messages = record.msg_qnum;
        object.max_message_size = largest_message(limits, record.msg_qbytes);
        object.key = static_cast<std::uint32_t>(permissions.__key);
        object.mode = permissions.mode & 0777;
        object.owner = permissions.uid;
        object.group = permissions.gid;
        object.last_in = sysv::last_process(record.msg_lspid, record.msg_stime);
        object.last_out = sysv::last_process(record.msg_lrpid, record.msg_rtime);
        if (object.last_in == IPC_UNKNOWN || object.last_out == IPC_UNKNOWN)
            object.flags |= IPC_OBJECT_UNSEEN;
        object.changed = sysv::nanoseconds(record.msg_ctime);
        object.last_in_time = sysv::nanoseconds(record.msg_stime);
        object.last_out_time = sysv::nanoseconds(record.msg_rtime);
    }
    Portrait(const Portrait &) = delete;
    Portrait &operator=(const Portrait &) = delete;

    ipc_object object;

private:
    sysv::PrintedName name_;
};

/// /proc/sysvipc/msg, for kernels before 4.17. It tells no queue's capacity.
Result<void> list_text(const Emit<ipc_object> &emit, const msginfo &limits)
{
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen("/proc/sysvipc/msg", "re"), std::fclose);
    if (!file)
        return Error::system("reading /proc/sysvipc/msg");
    char text[512];
    while (std::fgets(text, sizeof text, file.get())) {
        msqid_ds record = {};
        int id;
        unsigned mode;
        const int read = std::sscanf(text, "%d %d %o %lu %lu %d %d %u %u %*u %*u %ld %ld %ld", &record.msg_perm.__key,
                                     &id, &mode, &record.__msg_cbytes, &record.msg_qnum, &record.msg_lspid,
                                     &record.msg_lrpid, &record.msg_perm.uid, &record.msg_perm.gid, &record.msg_stime,
                                     &record.msg_rtime, &record.msg_ctime);
        if (read != 12)
            continue; // the heading
        record.msg_perm.mode = static_cast<decltype(record.msg_perm.mode)>(mode);
        Portrait portrait(id, record, limits);
        portrait.object.capacity = portrait.object.max_message_size = IPC_UNKNOWN;
        if (!emit(portrait.object))
            return {};
    }
    if (std::ferror(file.get()))
        return Error::system("reading /proc/sysvipc/msg");
    return {};
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_CALLS;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        msginfo limits = {};
        bool any = false;
        // Answers with the highest index in use.
        const int last = msgctl(0, IPC_INFO, reinterpret_cast<msqid_ds *>(&limits));
        Result<void> whole = last < 0 ? Error::system("asking for their number") : Result<void>();
        for (int index = 0; index <= last; index++) {
            msqid_ds record;
            const int id = msgctl(index, MSG_STAT_ANY, &record);
            if (id < 0 && whole)
                whole = sysv::expect_unused(errno);
            if (id < 0)
                continue;
            any = true;
            if (!emit(Portrait(id, record, limits).object))
                break;
        }
        if (!any)
            IPC_TRY(list_text(emit, limits));
        return whole;
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        const int id = IPC_TRY(sysv::find<Queues>(address));
        const msqid_ds record = IPC_TRY(sysv::examine<Queues>(id));
        emit(Portrait(id, record, queue_limits()).object);
        return {};
    }

    /// A queue is in no process's maps or descriptors: only who waits on it can be seen.
    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        if (sight.kind != IPC_SIGHT_CALL || (sight.number != SYS_msgsnd && sight.number != SYS_msgrcv) ||
            sight.ipc_namespace != sysv::own_namespace())
            return false;
        claim.role = sight.number == SYS_msgsnd ? IPC_ROLE_WAITS_TO_SEND : IPC_ROLE_WAITS_TO_RECEIVE;
        claim.identity = {.space = sight.ipc_namespace,
                          .device = 0,
                          .number = static_cast<std::uint32_t>(sight.arguments[0]), // an int, in a register
                          .birth = IPC_NO_TIME};
        claim.descriptor = -1;
        return true;
    }

    static Result<void> limits(const Emit<ipc_limit> &emit)
    {
        const msginfo limits = queue_limits();
        const auto number = [](int limit) { return static_cast<std::uint64_t>(limit); };
        emit(
            {sizeof(ipc_limit), IPC_UNIT_OBJECTS, "kernel.msgmni", "queues", number(limits.msgmni), queues_in_use()}) &&
            emit({sizeof(ipc_limit), IPC_UNIT_BYTES, "kernel.msgmnb", "bytes waiting in one queue",
                  number(limits.msgmnb), IPC_UNKNOWN}) &&
            emit({sizeof(ipc_limit), IPC_UNIT_BYTES, "kernel.msgmax", "bytes of one message", number(limits.msgmax),
                  IPC_UNKNOWN});
        return {};
    }
};

} // namespace

constexpr ipc_inspect_v1 queue_inspection = ipc::inspect_table<Inspection>();
