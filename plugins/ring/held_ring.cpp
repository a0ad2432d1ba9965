// SPDX-License-Identifier: MIT
#include "ring.hpp"

#include <charconv>

namespace ring_plugin {

std::optional<HeldRing> HeldRing::parse(std::string_view name)
{
    std::int64_t numbers[2] = {};
    const char *at = name.data(), *end = at + name.size();
    for (std::int64_t &number : numbers) {
        const auto [rest, code] = std::from_chars(at, end, number);
        if (code != std::errc() || rest == at || number < 0)
            return std::nullopt;
        at = rest;
        if (&number == numbers && (at == end || *at++ != '/'))
            return std::nullopt;
    }
    return at == end ? std::optional(HeldRing(numbers[0], numbers[1])) : std::nullopt;
}

HeldRing::Text HeldRing::name() const
{
    Text name;
    std::snprintf(name.text, sizeof name.text, "%" PRId64 "/%" PRId64, process_, descriptor_);
    return name;
}

HeldRing::Text HeldRing::path() const
{
    Text path;
    std::snprintf(path.text, sizeof path.text, "/proc/%" PRId64 "/fd/%" PRId64, process_, descriptor_);
    return path;
}

ipc::Result<ipc::Fd> HeldRing::hold() const
{
    ipc::Fd file(::open(path().text, O_PATH | O_CLOEXEC));
    if (file)
        return file;
    if (errno == ENOENT)
        return ipc::Error::of(ENOENT,
                              "there is no such process, or it has no such descriptor (ipcls shows what exists)");
    return ipc::Error::of(errno, "this user may not look into that process: %s (its owner or root may)",
                          std::strerror(errno));
}

} // namespace ring_plugin
