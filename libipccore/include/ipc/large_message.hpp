// SPDX-License-Identifier: MIT
// ipc/large_message.hpp - a message whose bytes lie in a segment, while a reference to it travels through a queue.
//
// What both sides of such a queue, and those who look at such segments, must agree on. The segment is named
// `ipc-large.` and 32 random hexadecimal digits. It begins with this header; the payload stands behind, at
// large_message_payload. The reference, which is the message in the queue, is one line:
//
//     ipc-large-message/1 MECHANISM:/ipc-large.DIGITS LENGTH NONCE
//
// Nobody can forge one who cannot read the segment: the nonce, 32 digits too, must be that of its header, which is
// readable for the sender's user alone. Everything here comes from another process: read each word once, check it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ipc {

inline constexpr std::string_view large_message_prefix = "ipc-large.";
inline constexpr std::size_t large_message_digits = 32;
/// Where the payload begins: a page of its own, so that it can be mapped and spliced alone.
inline constexpr std::uint64_t large_message_payload = 4096;
inline constexpr std::array<char, 8> large_message_magic = {'i', 'p', 'c', 'l', 'a', 'r', 'g', '1'};

/// Whose turn it is. A word for futex(2), changed by compare and exchange alone.
enum class LargeMessageState : std::uint32_t {
    free,      // the sender's, who may fill it again
    in_flight, // on its way, or being read
    last       // on its way, and its sender has gone: who has read it removes it
};

struct LargeMessageHeader {
    std::array<char, 8> magic;
    std::uint32_t header_bytes; // sizeof(LargeMessageHeader), as its maker knew it
    LargeMessageState state;    // atomic: use std::atomic_ref, or the compiler's own
    std::array<char, large_message_digits> nonce;
    std::uint64_t length;        // of the payload
    std::int64_t sender;         // process id
    std::int64_t sender_started; // nanoseconds since 1970, to tell it from a later process of its number
    // The queue that the reference is in, as ipc_identity has it.
    std::uint64_t queue_space, queue_device, queue_number;
    std::int64_t queue_birth;
    char queue[192]; // its address, NUL-terminated; longer ones are cut off
    // Where the numbers of the sender and the names of queues count: inodes of its process and its IPC namespace. 0 if
    // not known, as in the headers of those who knew nothing of them.
    std::uint64_t process_space, ipc_space;
};
static_assert(sizeof(LargeMessageHeader) <= large_message_payload);

/// Is this how such a segment is called? `name` without a slash in front.
inline bool is_large_message_name(std::string_view name)
{
    if (name.size() != large_message_prefix.size() + large_message_digits || !name.starts_with(large_message_prefix))
        return false;
    name.remove_prefix(large_message_prefix.size());
    return name.find_first_not_of("0123456789abcdef") == name.npos;
}

/// A copy of a header is one if it says so.
inline bool is_large_message_header(const LargeMessageHeader &header)
{
    return header.magic == large_message_magic && header.header_bytes >= offsetof(LargeMessageHeader, process_space);
}

} // namespace ipc
