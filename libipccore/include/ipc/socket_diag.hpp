// SPDX-License-Identifier: MIT
// ipc/socket_diag.hpp - the sockets of this network namespace, as sock_diag(7) lists them.
//
// For plugins that list sockets. The text files below /proc/net are no substitute: a newline in the name of a socket
// forges a line there.
#pragma once

#include <ipc/fd.hpp>
#include <ipc/plugin.hpp>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>

namespace ipc {

/// The attributes behind a record of fixed size, by their type; those that are missing are null.
template <std::size_t Count> class DiagAttributes {
public:
    DiagAttributes(const nlmsghdr *message, std::size_t record)
    {
        auto *bytes = reinterpret_cast<const char *>(message);
        std::size_t at = NLMSG_LENGTH(NLMSG_ALIGN(record));
        while (at + sizeof(rtattr) <= message->nlmsg_len) {
            auto *attribute = reinterpret_cast<const rtattr *>(bytes + at);
            if (attribute->rta_len < sizeof(rtattr) || at + attribute->rta_len > message->nlmsg_len)
                return;
            if (attribute->rta_type < Count)
                found_[attribute->rta_type] = attribute;
            at += RTA_ALIGN(attribute->rta_len);
        }
    }
    /// Null if it is missing or smaller than a T.
    template <typename T> const T *get(std::size_t type) const
    {
        const rtattr *attribute = found_[type];
        return attribute && length(type) >= sizeof(T) ? reinterpret_cast<const T *>(attribute + 1) : nullptr;
    }
    std::string_view bytes(std::size_t type) const
    {
        const rtattr *attribute = found_[type];
        return attribute ? std::string_view(reinterpret_cast<const char *>(attribute + 1), length(type))
                         : std::string_view();
    }

private:
    std::size_t length(std::size_t type) const { return found_[type]->rta_len - sizeof(rtattr); }
    std::array<const rtattr *, Count> found_ = {};
};

/// Send `request` (an inet_diag_req_v2, a unix_diag_req) and call `take(message)` for each record of the answer.
template <typename Request, typename Take> Result<void> for_each_socket(const Request &request, Take &&take)
{
    Fd netlink(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    struct {
        nlmsghdr header;
        Request request;
    } question = {};
    question.header.nlmsg_len = sizeof question;
    question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    question.request = request;
    if (!netlink || ::send(netlink.get(), &question, sizeof question, 0) < 0)
        return Error::system("the kernel does not list its sockets");
    alignas(nlmsghdr) char buffer[32 * 1024];
    for (;;) {
        ssize_t length = ::recv(netlink.get(), buffer, sizeof buffer, 0);
        if (length < 0 && errno == EINTR && !host->interrupted())
            continue;
        if (length <= 0)
            return Error::system("the kernel does not list its sockets");
        auto left = unsigned(length);
        for (auto *message = reinterpret_cast<nlmsghdr *>(buffer); NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type == NLMSG_DONE) {
                const int code = left >= NLMSG_LENGTH(sizeof(int)) ? *static_cast<int *>(NLMSG_DATA(message)) : 0;
                return code < 0 ? Error::system("the kernel does not list all its sockets", -code) : Result<void>();
            }
            if (message->nlmsg_type == NLMSG_ERROR)
                return Error::system("the kernel does not list its sockets",
                                     -static_cast<const nlmsgerr *>(NLMSG_DATA(message))->error);
            take(static_cast<const nlmsghdr *>(message));
        }
    }
}

/// st_dev of every socket of the machine, learned once.
inline std::uint64_t socket_device()
{
    static const std::uint64_t device = [] {
        Fd probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        struct stat status;
        return probe && ::fstat(probe.get(), &status) == 0 ? std::uint64_t{status.st_dev} : 0;
    }();
    return device;
}

/// Which socket. Numbers are of the machine, and last as long as the socket.
inline ipc_identity socket_identity(std::uint64_t inode) { return {0, socket_device(), inode, IPC_NO_TIME}; }

} // namespace ipc
