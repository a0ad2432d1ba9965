// SPDX-License-Identifier: MIT
// tcp: connections between machines, tcp(7).
#include "endpoint.hpp"

#include <ipc/stream.hpp>

#include <poll.h>

#include <algorithm>
#include <netinet/tcp.h>

namespace tcp {
namespace {

using ipc::Fd;

void set(const Fd &socket, int level, int option)
{
    int on = 1;
    ::setsockopt(socket.get(), level, option, &on, sizeof on);
}

Fd new_socket(const addrinfo &address)
{
    return Fd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

Error listening_error(const addrinfo &address, int code)
{
    sockaddr_storage storage = {};
    std::memcpy(&storage, address.ai_addr, std::min<std::size_t>(address.ai_addrlen, sizeof storage));
    EndpointText place = text_of(storage);
    switch (code) {
    case EADDRINUSE:
        return Error::of(code, "%s is in use (ipcls shows by whom; choose another port, or 0 for a free one)",
                         place.text);
    case EADDRNOTAVAIL:
        return Error::of(code, "%s is no address of this machine", place.text);
    case EACCES:
        return Error::of(code, "this user may not listen on %s (ports below 1024 are root's)", place.text);
    default:
        return Error::of(code, "it cannot listen on %s: %s", place.text, std::strerror(code));
    }
}

/// Finish a connection that has begun; an errno value or 0. EAGAIN if it takes longer than `timeout` nanoseconds.
int finish_connection(const Fd &socket, std::int64_t timeout)
{
    constexpr std::int64_t nanoseconds = 1'000'000, most = 3'600'000, least = 20; // ms
    auto wait = int(timeout < 0 ? -1 : std::clamp(timeout / nanoseconds, least, most));
    pollfd connecting = {socket.get(), POLLOUT, 0};
    int count = ::poll(&connecting, 1, wait);
    if (count < 0)
        return errno == EINTR && !ipc::host->interrupted() ? EAGAIN : errno;
    if (count == 0)
        return EAGAIN;
    int code = 0;
    socklen_t length = sizeof code;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &code, &length);
    return code;
}

/// As happens where nobody listens at a port that the kernel also gives to who connects.
bool is_connected_to_itself(const Fd &socket)
{
    sockaddr_storage own = {}, peer = {};
    socklen_t own_length = sizeof own, peer_length = sizeof peer;
    return ::getsockname(socket.get(), reinterpret_cast<sockaddr *>(&own), &own_length) == 0 &&
           ::getpeername(socket.get(), reinterpret_cast<sockaddr *>(&peer), &peer_length) == 0 &&
           own_length == peer_length && std::memcmp(&own, &peer, own_length) == 0;
}

Error connection_error(int code)
{
    switch (code) {
    case ECONNREFUSED:
        return Error::of(EAGAIN, "nobody receives there (start mqrecv, or wait)");
    case EAGAIN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return Error::of(EAGAIN, "it does not answer: %s", std::strerror(code == EAGAIN ? ETIMEDOUT : code));
    case EINTR:
        return Error::of(code, "stopped while connecting");
    default:
        return Error::system("it cannot be connected to", code);
    }
}

/// One end.
class End {
public:
    explicit End(Fd socket) : socket_(std::move(socket)) {}

    static Result<std::unique_ptr<End>> listen(const ipc_address &address, ipc_channel &channel)
    {
        Endpoint endpoint = IPC_TRY(Endpoint::parse(address.name));
        Addresses addresses = IPC_TRY(resolve(endpoint));
        if (!is_loopback(addresses->ai_addr) && !ipc::parameter_is_set(address, "public"))
            return Error::of(EACCES,
                             "other machines could connect there, and whoever connects may send (add ?public=1 if "
                             "that is meant)");
        Fd socket = new_socket(*addresses);
        if (!socket)
            return Error::system("a socket cannot be made");
        set(socket, SOL_SOCKET, SO_REUSEADDR); // connections of a receiver that has ended do not count
        if (::bind(socket.get(), addresses->ai_addr, addresses->ai_addrlen) != 0 ||
            ::listen(socket.get(), SOMAXCONN) != 0)
            return listening_error(*addresses, errno);
        auto end = std::make_unique<End>(std::move(socket));
        channel.descriptor = end->socket_.get();
        channel.features = IPC_STREAM_ACCEPTS;
        if (endpoint.port.find_first_not_of('0') == endpoint.port.npos)
            channel.name = end->name_itself();
        return end;
    }

    /// Every address of the host is tried, and the last one waited for.
    static Result<std::unique_ptr<End>> connect(const ipc_address &address, std::int64_t timeout, ipc_channel &channel)
    {
        Endpoint endpoint = IPC_TRY(Endpoint::parse(address.name));
        Addresses addresses = IPC_TRY(resolve(endpoint));
        int code = 0;
        for (const addrinfo *next = addresses.get(); next; next = next->ai_next) {
            Fd socket = new_socket(*next);
            code = !socket || ::connect(socket.get(), next->ai_addr, next->ai_addrlen) != 0 ? errno : 0;
            if (code == EINPROGRESS)
                code = finish_connection(socket, timeout);
            if (code == 0 && is_connected_to_itself(socket)) {
                linger at_once = {1, 0}; // else its port would not be free for minutes
                ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
                code = ECONNREFUSED;
            }
            if (code == 0) {
                set(socket, IPPROTO_TCP, TCP_NODELAY); // records are written together already
                set(socket, SOL_SOCKET, SO_KEEPALIVE);
                auto end = std::make_unique<End>(std::move(socket));
                channel.descriptor = end->socket_.get();
                return end;
            }
        }
        return connection_error(code);
    }

    /// Who vanishes without a word is noticed.
    Result<Fd> accept()
    {
        Fd sender(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (sender) {
            set(sender, SOL_SOCKET, SO_KEEPALIVE);
            return sender;
        }
        // Errors of a connection that has broken already come from here too.
        if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
            return Error::of(EAGAIN, "no sender is there");
        return Error::system("no sender can be accepted");
    }

private:
    const char *name_itself()
    {
        sockaddr_storage own = {};
        socklen_t length = sizeof own;
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr *>(&own), &length);
        name_ = text_of(own);
        return name_.text;
    }

    Fd socket_;
    EndpointText name_ = {};
};

Result<void> check(const ipc_address &address)
{
    IPC_TRY(Endpoint::parse(address.name));
    return ipc::check_switch(address, "public");
}

constexpr ipc_stream_v1 stream = ipc::stream_table<End>();

const void *capability(const char *name)
{
    std::string_view wanted = name;
    if (wanted == IPC_STREAM_1)
        return &stream;
    return wanted == IPC_INSPECT_1 ? &inspect : nullptr;
}

constexpr ipc_parameter_info parameters[] = {
    {"public", nullptr, "receive where other machines can connect, too"},
};

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "tcp",
    .summary = "TCP connections",
    .version = "1.0",
    .parameters = parameters,
    .parameter_count = std::size(parameters),
    .flags = 0,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = nullptr,
    .remove_unused = nullptr,
};

} // namespace
} // namespace tcp

IPC_PLUGIN(tcp::plugin)
