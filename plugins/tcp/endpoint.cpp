// SPDX-License-Identifier: MIT
#include "endpoint.hpp"

#include <arpa/inet.h>
#include <charconv>

namespace tcp {
namespace {

constexpr const char *form = "write PORT, HOST:PORT or [IPv6]:PORT";

bool is_port(std::string_view text)
{
    std::uint16_t port = 0;
    auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), port);
    return code == std::errc{} && rest == text.data() + text.size();
}

} // namespace

Result<Endpoint> Endpoint::parse(std::string_view text)
{
    constexpr std::size_t longest_host = 255;
    std::size_t colon = text.rfind(':');
    std::string_view host = colon == text.npos ? std::string_view("127.0.0.1") : text.substr(0, colon);
    std::string_view port = text.substr(colon == text.npos ? 0 : colon + 1);
    bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    if (host.empty() || host.size() > longest_host || (!bracketed && host.find(':') != host.npos))
        return Error::of(EINVAL, "its host is malformed (%s)", form);
    if (!is_port(port))
        return Error::of(EINVAL, "its port is no number from 0 to 65535 (%s)", form);
    return Endpoint{std::string(host), std::string(port)};
}

Result<Addresses> resolve(const Endpoint &endpoint)
{
    addrinfo hints = {}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    int code = ::getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found);
    if (code == EAI_SYSTEM)
        return Error::system("its host cannot be looked up");
    if (code != 0)
        return Error::of(ENOENT, "its host cannot be looked up: %s", ::gai_strerror(code));
    return Addresses(found);
}

bool is_loopback(const sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(reinterpret_cast<const sockaddr_in *>(address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    auto &six = reinterpret_cast<const sockaddr_in6 *>(address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == IN_LOOPBACKNET);
}

EndpointText text_of(int family, const void *address, unsigned port)
{
    char host[INET6_ADDRSTRLEN] = "";
    EndpointText result;
    ::inet_ntop(family, address, host, sizeof host);
    std::snprintf(result.text, sizeof result.text, family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
    return result;
}

EndpointText text_of(const sockaddr_storage &address)
{
    if (address.ss_family == AF_INET6) {
        auto &six = reinterpret_cast<const sockaddr_in6 &>(address);
        return text_of(AF_INET6, &six.sin6_addr, ntohs(six.sin6_port));
    }
    auto &four = reinterpret_cast<const sockaddr_in &>(address);
    return text_of(AF_INET, &four.sin_addr, ntohs(four.sin_port));
}

} // namespace tcp
