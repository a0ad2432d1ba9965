// SPDX-License-Identifier: MIT
// unix: sockets of this machine, unix(7).
#include "names.hpp"

#include <ipc/stream.hpp>

#include <charconv>

namespace unix_socket {
namespace {

constexpr unsigned default_mode = 0600;

std::optional<unsigned> mode_of(const ipc_address &address)
{
    const char *text = ipc::parameter(address, "mode");
    if (!text)
        return default_mode;
    unsigned mode = 0;
    auto [rest, code] = std::from_chars(text, text + std::strlen(text), mode, 8);
    return code == std::errc{} && !*rest && mode <= 0777 ? std::optional(mode) : std::nullopt;
}

Result<Fd> new_socket(int type)
{
    Fd socket(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        return Error::system("a socket cannot be made");
    return socket;
}

Error address_in_use(pid_t process)
{
    if (process > 0)
        return Error::of(EADDRINUSE, "the address is in use by process %d (end it, or choose another name)", process);
    return Error::of(EADDRINUSE, "the address is in use (ipcls shows by whom; choose another name)");
}

/// The process that listens behind a socket which is connected to it; 0 if the kernel does not say.
pid_t listener_of(const Fd &socket)
{
    ucred peer = {};
    socklen_t length = sizeof peer;
    return ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

/// The error that says who has the name, unless nobody has it any more.
Result<void> expect_dead(const Name &name, int type)
{
    Fd probe = IPC_TRY(new_socket(type));
    if (::connect(probe.get(), name.address(), name.length()) == 0)
        return address_in_use(listener_of(probe));
    return errno == ECONNREFUSED ? Result<void>() : address_in_use(0);
}

/// Remove the file of a socket that nobody has open any more, and no other one.
Result<void> remove_dead(const Name &name, int type)
{
    ipc::FilePlace place = IPC_TRY(ipc::open_place(name.path()));
    Fd file(::openat(place.directory.get(), place.leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file && errno == ENOENT)
        return {};
    struct statx status;
    if (!file || ipc::file_status(file.get(), status) != 0)
        return Error::system("the name is taken and cannot be looked at");
    IPC_TRY(expect_socket(status.stx_mode));
    char held[32];
    std::snprintf(held, sizeof held, "/proc/self/fd/%d", file.get());
    IPC_TRY(expect_dead(Name(held), type));
    // Bound, but not yet listening.
    if (Result<std::vector<Socket>> sockets = all_sockets(); sockets && bound_to(*sockets, status))
        return address_in_use(0);
    Result<void> removed = ipc::remove_known_file(place.directory.get(), place.leaf, status);
    return removed || removed.error().code() == ENOENT || removed.error().code() == ESTALE ? Result<void>() : removed;
}

/// Nobody can connect before its file has the right mode: it is born with it.
int bind_with_mode(const Fd &socket, const Name &name, unsigned mode)
{
    mode_t before = ::umask(mode_t(~mode & 0777));
    int code = ::bind(socket.get(), name.address(), name.length()) == 0 ? 0 : errno;
    ::umask(before);
    return code;
}

Result<void> bind_to(const Fd &socket, const Name &name, int type, unsigned mode)
{
    constexpr int attempts = 8; // others may do the same at the same moment
    for (int attempt = 0; attempt < attempts; attempt++) {
        int code = bind_with_mode(socket, name, mode);
        if (code == 0)
            return {};
        if (code != EADDRINUSE)
            return Error::of(code, "it cannot be made: %s (the path must lead to a directory that this user may write)",
                             std::strerror(code));
        if (name.is_abstract()) {
            IPC_TRY(expect_dead(name, type));
            return address_in_use(0);
        }
        IPC_TRY(remove_dead(name, type));
    }
    return address_in_use(0);
}

Error connection_error(const Name &name, int code)
{
    struct statx status;
    switch (code) {
    case ENOENT:
        return Error::of(EAGAIN, "nobody receives there (start mqrecv, or wait)");
    case ECONNREFUSED:
        if (!name.is_abstract() && ipc::file_status(AT_FDCWD, name.path(), 0, status) == 0)
            if (Result<void> there = expect_socket(status.stx_mode); !there)
                return there.error();
        return Error::of(EAGAIN, "nobody receives there (start mqrecv, or wait)");
    case EAGAIN:
        return Error::of(EAGAIN, "too many senders wait there to be accepted");
    case EPROTOTYPE:
        return Error::of(code,
                         "the receiver's socket is of another type (add ?type=stream, seqpacket or dgram as it has)");
    case EACCES:
        if (!name.is_abstract() && ipc::file_status(AT_FDCWD, name.path(), 0, status) == 0)
            return Error::of(code, "this user may not connect: it belongs to user %u and group %u and has mode %04o",
                             status.stx_uid, status.stx_gid, status.stx_mode & 07777u);
        [[fallthrough]];
    default:
        return Error::system("it cannot be connected to", code);
    }
}

/// One end.
class End {
public:
    explicit End(Fd socket) : socket_(std::move(socket)) {}
    ~End()
    {
        if (file_)
            (void)ipc::remove_known_file(place_.directory.get(), place_.leaf, status_);
    }

    static Result<std::unique_ptr<End>> listen(const ipc_address &address, ipc_channel &channel)
    {
        int type = type_of(address)->number;
        auto end = std::make_unique<End>(IPC_TRY(new_socket(type)));
        Name name(address.name);
        IPC_TRY(bind_to(end->socket_, name, type, *mode_of(address)));
        if (!name.is_abstract())
            IPC_TRY(end->keep_file(address.name));
        if (type != SOCK_DGRAM && ::listen(end->socket_.get(), SOMAXCONN) != 0)
            return Error::system("it cannot listen");
        channel.descriptor = end->socket_.get();
        channel.features = features_of(type) | (type == SOCK_DGRAM ? 0u : unsigned{IPC_STREAM_ACCEPTS});
        return end;
    }

    static Result<std::unique_ptr<End>> connect(const ipc_address &address, std::int64_t, ipc_channel &channel)
    {
        int type = type_of(address)->number;
        auto end = std::make_unique<End>(IPC_TRY(new_socket(type)));
        Name name(address.name);
        if (::connect(end->socket_.get(), name.address(), name.length()) != 0)
            return connection_error(name, errno);
        channel.descriptor = end->socket_.get();
        channel.features = features_of(type);
        return end;
    }

    Result<Fd> accept()
    {
        Fd sender(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!sender && (errno == EINTR || errno == ECONNABORTED))
            errno = EAGAIN;
        if (!sender)
            return Error::system("no sender can be accepted");
        return sender;
    }

    /// Who has connected stays so, and who comes looks for the file.
    Result<void> find() const
    {
        struct statx now;
        if (!file_ || (ipc::file_status(place_.directory.get(), place_.leaf, AT_SYMLINK_NOFOLLOW, now) == 0 &&
                       now.stx_ino == status_.stx_ino && ipc::device_of(now) == ipc::device_of(status_)))
            return {};
        return Error::of(EIDRM, "its socket was removed from there while it was waited for, and senders do not find it "
                                "any more (start again)");
    }

private:
    static std::uint32_t features_of(int type) { return type == SOCK_STREAM ? 0u : unsigned{IPC_STREAM_RECORDS}; }

    /// Hold on to the file, so that at the end it is removed and no other one.
    Result<void> keep_file(const char *path)
    {
        path_ = path;
        place_ = IPC_TRY(ipc::open_place(path_.c_str()));
        file_ = Fd(::openat(place_.directory.get(), place_.leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!file_ || ipc::file_status(file_.get(), status_) != 0)
            return Error::system("it was made, and is gone");
        return {};
    }

    Fd socket_, file_;
    std::string path_;
    ipc::FilePlace place_ = {Fd(), nullptr};
    struct statx status_;
};

Result<void> check(const ipc_address &address)
{
    IPC_TRY(Name::check(address.name));
    if (!type_of(address))
        return Error::of(EINVAL, "type=%s: a socket is of type stream, seqpacket or dgram",
                         ipc::parameter(address, "type"));
    if (!mode_of(address))
        return Error::of(EINVAL, "mode=%s: permissions are octal digits (write mode=0660)",
                         ipc::parameter(address, "mode"));
    if (ipc::parameter(address, "mode") && Name(address.name).is_abstract())
        return Error::of(EINVAL, "an abstract name has no mode: every user may connect (use a path)");
    return {};
}

/// Does any socket have this file? Asked by one that cannot speak with it, so that nobody notices: it only is told why.
/// Sockets of all network namespaces count.
Result<void> expect_unused(const Fd &file)
{
    char held[32];
    std::snprintf(held, sizeof held, "/proc/self/fd/%d", file.get());
    const Name name(held);
    Fd probe = IPC_TRY(new_socket(SOCK_DGRAM));
    const int code = ::connect(probe.get(), name.address(), name.length()) == 0 ? 0 : errno;
    if (code == ECONNREFUSED)
        return {};
    if (code == 0 || code == EPROTOTYPE || code == EPERM)
        return Error::of(EBUSY, "a socket has it");
    return Error::of(ENOTSUP, "whether a socket has it cannot be found out");
}

/// The file alone: who is connected stays so, and who listens is not found any more.
Result<void> remove(const ipc_address &address, const ipc::Removal &removal)
{
    Name name(address.name);
    if (name.is_abstract())
        return Error::of(ENOTSUP, "an abstract name goes with the process that has it (end that)");
    ipc::FilePlace place = IPC_TRY(ipc::open_place(address.name));
    Fd file(::openat(place.directory.get(), place.leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file)
        return ipc::removal_error(errno);
    struct statx status;
    if (int code = ipc::file_status(file.get(), status))
        return ipc::removal_error(code);
    IPC_TRY(expect_socket(status.stx_mode));
    if (removal.expected) {
        std::vector<Socket> sockets = IPC_TRY(all_sockets());
        const Socket *socket = nullptr;
        if (!ipc::same_object(IPC_TRY(identity_of_name(name, sockets, socket)), *removal.expected))
            return ipc::stale_error();
    }
    if (removal.unused)
        IPC_TRY(expect_unused(file));
    if (removal.trial)
        return {};
    return ipc::remove_known_file(place.directory.get(), place.leaf, status);
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
    {"type", "stream|seqpacket|dgram", "bytes, or records that the socket keeps apart"},
    {"mode", "MODE", "permissions of the socket's file, octal"},
};

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "unix",
    .summary = "sockets of this machine",
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
} // namespace unix_socket

IPC_PLUGIN(unix_socket::plugin)
