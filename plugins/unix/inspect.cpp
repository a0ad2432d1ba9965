// SPDX-License-Identifier: MIT
// unix: sockets that have a name, and who is at either end of their connections. The thousands that have none (pairs,
// clients of others) are seen through the named ones that they are connected to.
#include "names.hpp"

#include <ipc/socket_diag.hpp>

#include <sys/syscall.h>

#include <algorithm>

namespace unix_socket {
namespace {

/// A socket that counts as an end of the object with the number `object`.
struct Member {
    std::uint64_t inode, object;
};

/// A connection of a receiver, and the bytes that it has not yet read there.
struct Connection {
    std::uint64_t receiver, waiting;
};

/// As of the last look, by inode: claims are decided from this.
std::vector<Member> &members()
{
    static std::vector<Member> known;
    return known;
}

bool same_name(const Socket &a, const Socket &b)
{
    return a.type == b.type && a.file_inode == b.file_inode && a.file_device == b.file_device && a.name == b.name &&
           a.has_nul == b.has_nul;
}

/// The receivers by name, to find whose connection a socket is.
std::vector<const Socket *> receivers(const std::vector<Socket> &sockets)
{
    std::vector<const Socket *> found;
    for (const Socket &socket : sockets)
        if (socket.is_receiver())
            found.push_back(&socket);
    std::sort(found.begin(), found.end(), [](const Socket *a, const Socket *b) { return a->name < b->name; });
    return found;
}

const Socket *receiver_of(const std::vector<const Socket *> &by_name, const Socket &connection)
{
    auto at = std::lower_bound(by_name.begin(), by_name.end(), connection.name,
                               [](const Socket *socket, const std::string &name) { return socket->name < name; });
    for (; at != by_name.end() && (*at)->name == connection.name; ++at)
        if (same_name(**at, connection))
            return *at;
    return nullptr;
}

/// Those of all receivers. Learns the members as well.
std::vector<Connection> connections_of(const std::vector<Socket> &sockets)
{
    std::vector<const Socket *> by_name = receivers(sockets);
    std::vector<Connection> connections;
    members().clear();
    for (const Socket &socket : sockets) {
        const Socket *receiver = socket.name.empty() || socket.is_receiver() ? nullptr : receiver_of(by_name, socket);
        if (receiver) {
            members().push_back({socket.inode, receiver->inode});
            connections.push_back({receiver->inode, socket.waiting});
        }
        if (receiver && socket.peer)
            members().push_back({socket.peer, receiver->inode});
        if (socket.type == SOCK_DGRAM && !socket.is_receiver() && socket.peer)
            members().push_back({socket.inode, socket.peer});
    }
    std::ranges::sort(members(), {}, &Member::inode);
    return connections;
}

/// An error if it is not for want of a permission that its file is not known.
Result<void> describe_file_of(const Socket &socket, const char *path, ipc_object &object)
{
    if (!socket.file_inode)
        return {};
    struct statx status;
    const int code = ipc::file_status(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, status);
    if (code && code != ENOENT && code != ENOTDIR) {
        object.flags |= IPC_OBJECT_DENIED;
        const bool is_denied = code == EACCES || code == EPERM;
        return is_denied ? Result<void>() : Error::of(code, "%s: %s", path, std::strerror(code));
    }
    if (code || (status.stx_ino & 0xffffffff) != socket.file_inode || ipc::device_of(status) != socket.file_device) {
        object.flags |= IPC_OBJECT_REMOVED; // or a path of other mounts: not reachable from here
        return {};
    }
    object.mode = status.stx_mode & 07777;
    object.owner = status.stx_uid;
    object.group = status.stx_gid;
    object.changed = ipc::identity_of(status).birth;
    return {};
}

/// An error is told behind the emission.
Result<void> emit_socket(const Socket &socket, const char *name, const std::vector<Connection> &connections,
                         const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    object.name = name;
    object.identity = ipc::socket_identity(socket.inode);
    object.attached = 1; // itself: whoever has it may be out of sight
    char detail[160];
    if (socket.is_listening()) {
        object.used = 0;
        for (const Connection &connection : connections)
            if (connection.receiver == socket.inode) {
                object.used += connection.waiting;
                object.attached++;
            }
        std::snprintf(detail, sizeof detail, "%s, %" PRIu64 " of %" PRIu64 " connections wait to be accepted%s",
                      word_of(socket.type), socket.waiting, socket.backlog,
                      socket.has_nul ? ", the name holds NUL bytes, shown as @" : "");
    } else {
        // Of several datagrams the kernel counts the first.
        object.used = socket.waiting ? IPC_UNKNOWN : 0;
        std::snprintf(detail, sizeof detail, "%s%s%s", word_of(socket.type), socket.waiting ? ", messages wait" : "",
                      socket.has_nul ? ", the name holds NUL bytes, shown as @" : "");
    }
    object.detail = detail;
    Result<void> described = describe_file_of(socket, name, object);
    emit(object);
    return described;
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_SOCKETS | IPC_CLAIMS_CALLS;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        std::vector<Socket> sockets = IPC_TRY(all_sockets());
        std::vector<Connection> connections = connections_of(sockets);
        Result<void> whole;
        for (const Socket &socket : sockets)
            if (socket.is_receiver())
                if (const Result<void> emitted = emit_socket(socket, socket.name.c_str(), connections, emit);
                    !emitted && whole)
                    whole = emitted;
        return whole;
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        std::vector<Socket> sockets = IPC_TRY(all_sockets());
        std::vector<Connection> connections = connections_of(sockets);
        const Socket *socket = nullptr;
        ipc_identity identity = IPC_TRY(identity_of_name(Name(address.name), sockets, socket));
        if (socket && ipc::parameter(address, "type") && socket->type != type_of(address)->number)
            return Error::of(EINVAL, "the socket is of type %s (write ?type=%s)", word_of(socket->type),
                             word_of(socket->type));
        if (socket)
            return emit_socket(*socket, address.name, connections, emit);
        struct statx status;
        if (int code = ipc::file_status(AT_FDCWD, address.name, AT_SYMLINK_NOFOLLOW, status))
            return ipc::lookup_error(code);
        ipc_object object;
        ipc_object_clear(&object);
        ipc::describe_file(status, object);
        object.capacity = object.used = IPC_UNKNOWN;
        object.identity = identity;
        object.name = address.name;
        object.detail = "left behind, no socket of this network namespace has it";
        emit(object);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        claim.role = IPC_ROLE_HOLDER;
        claim.descriptor = -1;
        if (sight.kind == IPC_SIGHT_CALL)
            return claim_call(sight, claim);
        if (sight.kind != IPC_SIGHT_DESCRIPTOR || !S_ISSOCK(sight.mode))
            return false;
        auto member = std::ranges::lower_bound(members(), sight.inode, {}, &Member::inode);
        bool known = member != members().end() && member->inode == sight.inode;
        claim.identity = {0, sight.device, known ? member->object : sight.inode, IPC_NO_TIME};
        return true;
    }

private:
    static bool claim_call(const ipc_sight &sight, ipc_claim &claim)
    {
        switch (sight.number) {
        case SYS_read:
        case SYS_recvfrom:
        case SYS_recvmsg:
        case SYS_accept:
        case SYS_accept4:
            claim.role = IPC_ROLE_WAITS_TO_RECEIVE;
            break;
        case SYS_write:
        case SYS_sendto:
        case SYS_sendmsg:
            claim.role = IPC_ROLE_WAITS_TO_SEND;
            break;
        default:
            return false;
        }
        claim.descriptor = int(sight.arguments[0]);
        return claim.descriptor >= 0;
    }
};

} // namespace

constinit const ipc_inspect_v1 inspect = ipc::inspect_table<Inspection>();

} // namespace unix_socket
