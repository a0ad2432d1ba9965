// SPDX-License-Identifier: MIT
// ipc/memory_left.hpp - is there memory for what somebody is about to reserve?
#pragma once

#include <ipc/fd.hpp>
#include <ipc/result.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace ipc {

/// The value of a line of /proc/meminfo in bytes, 0 if there is none.
inline std::uint64_t memory_figure(const char *meminfo, const char *line)
{
    const char *found = std::strstr(meminfo, line);
    return found ? std::strtoull(found + std::strlen(line), nullptr, 10) * 1024 : 0;
}

/// Does the machine have so much memory left? Reserving more would make the kernel end other processes, so requests
/// that are large, or that let something grow large which has some `already`, are compared before.
inline Result<void> check_memory_left(std::uint64_t needed, std::uint64_t already = 0)
{
    constexpr std::uint64_t large = 64 * 1024 * 1024;
    if (needed < large && already < large)
        return {};
    char text[4096];
    Fd file(::open("/proc/meminfo", O_RDONLY | O_CLOEXEC));
    ssize_t length = file ? ::read(file.get(), text, sizeof text - 1) : 0;
    text[length > 0 ? length : 0] = '\0';
    std::uint64_t available = memory_figure(text, "MemAvailable:") + memory_figure(text, "SwapFree:");
    if (available == 0 || needed <= available)
        return {};
    return Error::of(ENOMEM,
                     "%" PRIu64 " bytes are needed and the system has %" PRIu64 " left in memory and swap (ask "
                     "for less, or end other processes)",
                     needed, available);
}

} // namespace ipc
