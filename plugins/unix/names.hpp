// SPDX-License-Identifier: MIT
// Names of sockets of this machine, and what is known of the sockets behind them.
#pragma once

#include <ipc/file_object.hpp>
#include <ipc/inspect.hpp>

#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <vector>

namespace unix_socket {

using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::Result;

/// "/path", "path" or "@abstract" as the kernel wants it. `text` has passed check().
class Name {
public:
    static Result<void> check(std::string_view text);
    explicit Name(std::string_view text);

    bool is_abstract() const { return address_.sun_path[0] == '\0'; }
    const char *path() const { return address_.sun_path; }
    const sockaddr *address() const { return reinterpret_cast<const sockaddr *>(&address_); }
    socklen_t length() const { return length_; }

private:
    sockaddr_un address_ = {};
    socklen_t length_;
};

/// A word of the parameter `type`, and what socket(2) takes for it.
struct Type {
    const char *word;
    int number;
};
inline constexpr Type types[] = {{"stream", SOCK_STREAM}, {"seqpacket", SOCK_SEQPACKET}, {"dgram", SOCK_DGRAM}};

/// Of an address, "stream" if it says none; null if it says something else.
const Type *type_of(const ipc_address &address);
const char *word_of(int type);

inline Result<void> expect_socket(unsigned mode)
{
    if (S_ISSOCK(mode))
        return {};
    return Error::of(S_ISLNK(mode) ? ELOOP : EINVAL, "there is %s of that name and no socket (choose another name)",
                     ipc::kind_of(mode));
}

/// A socket as the kernel lists it. `name` is empty for one that was never bound; an abstract one begins with @.
struct Socket {
    std::uint64_t inode;
    std::uint64_t peer; // 0 if there is none
    int type, state;
    std::string name;
    bool has_nul;                                     // the name holds one, shown as @, so that it cannot be reached
    std::uint64_t file_device, file_inode;            // of a name in the file system
    std::uint64_t waiting;                            // bytes; of a listening one connections
    std::uint64_t backlog;                            // of a listening one
    bool is_receiver() const;                         // listens, or takes datagrams
    bool is_listening() const { return state == 10; } // TCP_LISTEN
};

Result<std::vector<Socket>> all_sockets();

/// The one that has a name in the file system now; null if none of this network namespace has it.
const Socket *bound_to(const std::vector<Socket> &sockets, const struct statx &file);

extern const ipc_inspect_v1 inspect;

/// Which object the name means: the socket behind it, or the file that one left behind. `socket` says which.
Result<ipc_identity> identity_of_name(const Name &name, const std::vector<Socket> &sockets, const Socket *&socket);

} // namespace unix_socket
