// SPDX-License-Identifier: MIT
// tcp: who listens, and what waits in the connections that were made there.
#include "endpoint.hpp"

#include <ipc/socket_diag.hpp>

#include <linux/inet_diag.h>
#include <sys/syscall.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cinttypes>
#include <vector>

namespace tcp {
namespace {

enum { established = 1, close_wait = 8, listening = 10 }; // TCP_…, which netinet/tcp.h and linux/tcp.h both name

struct Socket {
    std::uint64_t inode;
    int family, state;
    unsigned port, peer_port;
    std::uint8_t address[16], peer_address[16];
    std::uint64_t owner, waiting, backlog; // bytes; of a listening one connections
};

Result<void> add_sockets(int family, std::vector<Socket> &sockets)
{
    inet_diag_req_v2 request = {};
    request.sdiag_family = std::uint8_t(family);
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = 1u << established | 1u << close_wait | 1u << listening;
    return ipc::for_each_socket(request, [&](const nlmsghdr *message) {
        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)))
            return;
        auto *record = static_cast<const inet_diag_msg *>(NLMSG_DATA(message));
        Socket socket = {};
        socket.inode = record->idiag_inode;
        socket.family = record->idiag_family;
        socket.state = record->idiag_state;
        socket.port = ntohs(record->id.idiag_sport);
        socket.peer_port = ntohs(record->id.idiag_dport);
        std::memcpy(socket.address, record->id.idiag_src, sizeof socket.address);
        std::memcpy(socket.peer_address, record->id.idiag_dst, sizeof socket.peer_address);
        socket.owner = record->idiag_uid;
        socket.waiting = record->idiag_rqueue;
        socket.backlog = record->idiag_wqueue;
        sockets.push_back(socket);
    });
}

Result<std::vector<Socket>> all_sockets()
{
    std::vector<Socket> sockets;
    IPC_TRY(add_sockets(AF_INET, sockets));
    if (Result<void> six = add_sockets(AF_INET6, sockets); !six && six.error().code() != ENOENT)
        return six.error(); // a kernel without IPv6 is none the poorer
    return sockets;
}

std::size_t address_length(int family) { return family == AF_INET6 ? sizeof(in6_addr) : sizeof(in_addr); }

bool is_any(const Socket &socket)
{
    return std::all_of(socket.address, socket.address + address_length(socket.family), [](auto byte) { return !byte; });
}

/// Is it a connection that was made where the other one listens?
bool came_through(const Socket &connection, const Socket &listener)
{
    return connection.state != listening && connection.port == listener.port &&
           (is_any(listener) || (connection.family == listener.family &&
                                 !std::memcmp(connection.address, listener.address, address_length(listener.family))));
}

/// Is it the other end of such a connection, on this machine? One to a listener on all addresses is not recognized.
bool leads_to(const Socket &connection, const Socket &listener)
{
    return connection.state != listening && connection.peer_port == listener.port && !is_any(listener) &&
           connection.family == listener.family &&
           !std::memcmp(connection.peer_address, listener.address, address_length(listener.family));
}

/// A socket that counts as an end of the object with the number `object`.
struct Member {
    std::uint64_t inode, object;
};

/// As of the last look, by inode: claims are decided from this.
std::vector<Member> &members()
{
    static std::vector<Member> known;
    return known;
}

void emit_listener(const Socket &socket, const char *name, const std::vector<Socket> &sockets,
                   const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    object.name = name;
    object.identity = ipc::socket_identity(socket.inode);
    object.owner = socket.owner;
    object.used = 0;
    std::uint64_t connections = 0;
    for (const Socket &other : sockets) {
        bool accepted = came_through(other, socket);
        object.used += accepted ? other.waiting : 0;
        connections += accepted;
        if (other.inode && (accepted || leads_to(other, socket)))
            members().push_back({other.inode, socket.inode});
    }
    char detail[128];
    std::snprintf(detail, sizeof detail,
                  "%" PRIu64 " connections, of which %" PRIu64 " wait to be accepted (at most %" PRIu64 ")",
                  connections, socket.waiting, socket.backlog);
    object.detail = detail;
    emit(object);
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_SOCKETS | IPC_CLAIMS_CALLS;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        std::vector<Socket> sockets = IPC_TRY(all_sockets());
        members().clear();
        for (const Socket &socket : sockets)
            if (socket.state == listening)
                emit_listener(socket, text_of(socket.family, socket.address, socket.port).text, sockets, emit);
        std::ranges::sort(members(), {}, &Member::inode);
        return {};
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        Endpoint endpoint = IPC_TRY(Endpoint::parse(address.name));
        Addresses addresses = IPC_TRY(resolve(endpoint));
        std::vector<Socket> sockets = IPC_TRY(all_sockets());
        for (const addrinfo *next = addresses.get(); next; next = next->ai_next) {
            sockaddr_storage storage = {};
            std::memcpy(&storage, next->ai_addr, std::min<std::size_t>(next->ai_addrlen, sizeof storage));
            EndpointText wanted = text_of(storage);
            for (const Socket &socket : sockets)
                if (socket.state == listening &&
                    std::string_view(text_of(socket.family, socket.address, socket.port).text) == wanted.text) {
                    emit_listener(socket, wanted.text, sockets, emit);
                    std::ranges::sort(members(), {}, &Member::inode);
                    return {};
                }
        }
        return Error::of(ENOENT, "nobody listens there (ipcls shows who does, and where)");
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        claim.role = IPC_ROLE_HOLDER;
        claim.descriptor = -1;
        if (sight.kind == IPC_SIGHT_CALL) {
            claim.role = IPC_ROLE_WAITS_TO_RECEIVE;
            claim.descriptor = int(sight.arguments[0]);
            return (sight.number == SYS_accept || sight.number == SYS_accept4) && claim.descriptor >= 0;
        }
        if (sight.kind != IPC_SIGHT_DESCRIPTOR || !S_ISSOCK(sight.mode))
            return false;
        auto member = std::ranges::lower_bound(members(), sight.inode, {}, &Member::inode);
        bool known = member != members().end() && member->inode == sight.inode;
        claim.identity = {0, sight.device, known ? member->object : sight.inode, IPC_NO_TIME};
        return true;
    }
};

} // namespace

constinit const ipc_inspect_v1 inspect = ipc::inspect_table<Inspection>();

} // namespace tcp
