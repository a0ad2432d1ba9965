// SPDX-License-Identifier: MIT
// ipc/checksum.hpp - tells a header that was written by us from one that was damaged. It is no protection against who
// means harm: what a header says is checked all the same.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ipc {

/// FNV-1a.
inline std::uint64_t checksum(const void *bytes, std::size_t length)
{
    std::uint64_t sum = 0xcbf29ce484222325;
    for (std::size_t i = 0; i < length; i++)
        sum = (sum ^ static_cast<const unsigned char *>(bytes)[i]) * 0x100000001b3;
    return sum;
}

} // namespace ipc
