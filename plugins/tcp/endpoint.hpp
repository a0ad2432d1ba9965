// SPDX-License-Identifier: MIT
// Hosts and ports, as addresses name them.
#pragma once

#include <ipc/inspect.hpp>

#include <sys/socket.h>

#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <string>

namespace tcp {

using ipc::Emit;
using ipc::Error;
using ipc::Result;

/// "7000", "host:7000", "[::1]:7000", cut in two. The host is 127.0.0.1 where none is named.
struct Endpoint {
    std::string host;
    std::string port;

    /// EINVAL says what a right one looks like.
    static Result<Endpoint> parse(std::string_view text);
};

struct FreeAddresses {
    void operator()(addrinfo *addresses) const { ::freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

/// What a host means, in the order in which to try. ENOENT if nothing.
Result<Addresses> resolve(const Endpoint &endpoint);

bool is_loopback(const sockaddr *address);

struct EndpointText {
    char text[INET6_ADDRSTRLEN + 16];
};
/// "127.0.0.1:7000", "[::1]:7000".
EndpointText text_of(int family, const void *address, unsigned port);
EndpointText text_of(const sockaddr_storage &address);

extern const ipc_inspect_v1 inspect;

} // namespace tcp
