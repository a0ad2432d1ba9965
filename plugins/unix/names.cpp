// SPDX-License-Identifier: MIT
#include "names.hpp"

#include <ipc/socket_diag.hpp>

#include <linux/unix_diag.h>

#include <algorithm>

namespace unix_socket {
namespace {

constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;

/// The name as an address has it: the byte in front of an abstract one is an @.
void take_name(std::string_view raw, Socket &socket)
{
    bool abstract = raw.starts_with('\0');
    if (!abstract)
        raw = raw.substr(0, raw.find('\0'));
    socket.name = raw;
    socket.has_nul = raw.substr(abstract).find('\0') != raw.npos;
    std::ranges::replace(socket.name, '\0', '@');
}

Socket socket_of(const nlmsghdr *message)
{
    auto *record = static_cast<const unix_diag_msg *>(NLMSG_DATA(message));
    ipc::DiagAttributes<UNIX_DIAG_MAX + 1> attributes(message, sizeof *record);
    Socket socket = {};
    socket.inode = record->udiag_ino;
    socket.type = record->udiag_type;
    socket.state = record->udiag_state;
    take_name(attributes.bytes(UNIX_DIAG_NAME), socket);
    if (auto *peer = attributes.get<std::uint32_t>(UNIX_DIAG_PEER))
        socket.peer = *peer;
    if (auto *file = attributes.get<unix_diag_vfs>(UNIX_DIAG_VFS)) {
        socket.file_inode = file->udiag_vfs_ino;
        socket.file_device = makedev(file->udiag_vfs_dev >> 20, file->udiag_vfs_dev & 0xfffff);
    }
    if (auto *queues = attributes.get<unix_diag_rqlen>(UNIX_DIAG_RQLEN)) {
        socket.waiting = queues->udiag_rqueue;
        socket.backlog = queues->udiag_wqueue;
    }
    return socket;
}

} // namespace

bool Socket::is_receiver() const { return !name.empty() && (is_listening() || type == SOCK_DGRAM); }

Result<void> Name::check(std::string_view text)
{
    if (text.empty() || text == "@")
        return Error::of(EINVAL, "a name is missing (write a path, or @NAME for one outside of the file system)");
    if (text.ends_with('/') && !text.starts_with('@'))
        return Error::of(EINVAL, "the path ends in a slash and so means a directory (write one like /run/jobs.sock)");
    if (text.size() > longest)
        return Error::of(EINVAL,
                         "the name has %zu bytes and a socket's has at most %zu (use a path from a directory near it)",
                         text.size(), longest);
    return {};
}

Name::Name(std::string_view text)
{
    address_.sun_family = AF_UNIX;
    text = text.substr(0, longest);
    text.copy(address_.sun_path, text.size());
    bool abstract = text.starts_with('@');
    if (abstract)
        address_.sun_path[0] = '\0';
    length_ = socklen_t(offsetof(sockaddr_un, sun_path) + text.size() + !abstract);
}

const Type *type_of(const ipc_address &address)
{
    const char *word = ipc::parameter(address, "type");
    for (const Type &type : types)
        if (!word || std::string_view(word) == type.word)
            return &type;
    return nullptr;
}

const char *word_of(int number)
{
    for (const Type &type : types)
        if (type.number == number)
            return type.word;
    return "of a strange type";
}

Result<std::vector<Socket>> all_sockets()
{
    unix_diag_req request = {};
    request.sdiag_family = AF_UNIX;
    request.udiag_states = ~0u;
    request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN;
    std::vector<Socket> sockets;
    IPC_TRY(ipc::for_each_socket(request, [&](const nlmsghdr *message) {
        if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(unix_diag_msg)))
            sockets.push_back(socket_of(message));
    }));
    return sockets;
}

const Socket *bound_to(const std::vector<Socket> &sockets, const struct statx &file)
{
    // The kernel gives 32 bits of the inode. Connections have the name of who accepted them.
    const Socket *found = nullptr;
    for (const Socket &socket : sockets)
        if (socket.file_inode == (file.stx_ino & 0xffffffff) && socket.file_device == ipc::device_of(file) &&
            (!found || socket.is_receiver()))
            found = &socket;
    return found;
}

Result<ipc_identity> identity_of_name(const Name &name, const std::vector<Socket> &sockets, const Socket *&socket)
{
    socket = nullptr;
    if (name.is_abstract()) {
        std::string_view text(name.path() + 1, name.length() - offsetof(sockaddr_un, sun_path) - 1);
        for (const Socket &other : sockets)
            if (!other.file_inode && !other.has_nul && other.name.starts_with('@') &&
                std::string_view(other.name).substr(1) == text && (!socket || other.is_receiver()))
                socket = &other;
        if (!socket)
            return Error::of(ENOENT, "nobody has that name (ipcls shows what exists)");
        return ipc::socket_identity(socket->inode);
    }
    struct statx status;
    if (int code = ipc::file_status(AT_FDCWD, name.path(), AT_SYMLINK_NOFOLLOW, status))
        return ipc::lookup_error(code);
    IPC_TRY(expect_socket(status.stx_mode));
    socket = bound_to(sockets, status);
    return socket ? ipc::socket_identity(socket->inode) : ipc::identity_of(status);
}

} // namespace unix_socket
