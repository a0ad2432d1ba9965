// SPDX-License-Identifier: MIT
// ipc/ring_layout.hpp - what lies where in the memory of a ring, and what may be believed of it.
//
// Part of ipc/ring.hpp; ipc-ring(7) says the same byte for byte, for programs in other languages. Everything here but
// the header changes while it is read and may have been written by anybody who can open the file: a reader takes a
// copy, checks it, and uses the copy.
#pragma once

#include <ipc/checksum.hpp>
#include <ipc/result.hpp>

#include <atomic>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ipc::ring {

/// What writers of different processes change lies so far apart, since processors fetch cache lines in pairs.
inline constexpr std::size_t separation = 128;

/// Written once, before the file has a name, and the same for ever.
struct Header {
    char magic[8];
    std::uint32_t version;
    std::uint32_t data_offset;  ///< of the messages, bytes from the beginning of the file; a multiple of the page size
    std::uint64_t total;        ///< length of the file
    std::uint64_t capacity;     ///< bytes from `data_offset` to the end: a power of two, and whole pages
    std::uint64_t max_messages; ///< that may wait, 0 if only bytes are limited
    std::uint64_t max_message_size;
    std::uint64_t reserved; ///< 0
    std::uint64_t checksum; ///< of the 56 bytes before it: FNV-1a
};
static_assert(sizeof(Header) == 64);

inline constexpr char magic[8] = {'i', 'p', 'c', 'r', 'i', 'n', 'g', '\n'};
inline constexpr std::uint32_t version = 1;

/// The lock of an end, and what its owners know of the other end.
struct alignas(separation) Gate {
    std::atomic<std::uint32_t> owner;   ///< 0, or the number of an opener; `contended` if others sleep for it
    std::atomic<std::uint32_t> process; ///< of the last owner, for people to read
    std::atomic<std::uint64_t> seen;    ///< a position that the other end has reached, by no means the newest
    std::atomic<std::uint32_t> rewinds; ///< how often a position went back: a message was put back
};
inline constexpr std::uint32_t contended = 0x80000000;

struct Counts {
    std::atomic<std::uint64_t> messages, bytes; ///< of payload, that passed this end since the beginning
};

/// How far an end has come. Bit 0 of the word says which counts belong to it, so that one store publishes all.
struct alignas(separation) Mark {
    std::atomic<std::uint64_t> word; ///< bytes since the beginning, a multiple of 8, plus bit 0
    Counts counts[2];
};

/// Where those sleep who wait for the other end. Looked at by that one all the time and so rarely written.
struct alignas(separation) Bell {
    std::atomic<std::uint32_t> waiting;    ///< low half: how many; high half: how often it was rung
    std::atomic<std::uint32_t> processors; ///< what the last owner of this end may run on, see Spinner
};

struct End {
    Gate gate;
    Mark mark;
    Bell bell;
};

struct Shared {
    alignas(separation) Header header;
    End sender;   ///< its mark is the head: behind the newest message
    End receiver; ///< its mark is the tail: the oldest message
};
static_assert(sizeof(Shared) == 7 * separation && std::atomic<std::uint64_t>::is_always_lock_free);

/// A mark, taken apart.
struct Place {
    std::uint64_t position = 0, messages = 0, bytes = 0;
};

inline std::uint64_t position_of(std::uint64_t word) { return word & ~std::uint64_t{7}; }

/// Only bit 0 may be set beside the position.
inline bool is_sound(std::uint64_t word) { return (word & 6) == 0; }

/// For the owner of the end: nobody else changes it.
inline Place place_of(const Mark &mark)
{
    const std::uint64_t word = mark.word.load(std::memory_order_acquire);
    const Counts &counts = mark.counts[word & 1];
    return {position_of(word), counts.messages.load(std::memory_order_acquire),
            counts.bytes.load(std::memory_order_acquire)};
}

/// For everybody else: the three belong together, unless a hostile owner changes them faster than they can be read.
inline Place settled_place_of(const Mark &mark)
{
    Place place;
    for (int attempt = 0; attempt < 100; attempt++) {
        const std::uint64_t word = mark.word.load(std::memory_order_acquire);
        place = place_of(mark);
        if (mark.word.load(std::memory_order_relaxed) == word)
            break;
    }
    return place;
}

/// Let everybody see that an end has come to `place`, with all that was written before. A process that dies in here has
/// published nothing.
inline void publish(Mark &mark, const Place &place)
{
    const std::uint64_t other = ~mark.word.load(std::memory_order_relaxed) & 1;
    mark.counts[other].messages.store(place.messages, std::memory_order_release);
    mark.counts[other].bytes.store(place.bytes, std::memory_order_release);
    mark.word.store(place.position | other, std::memory_order_release);
}

/// A message stands behind its length, and the next one behind that at a multiple of 8.
inline constexpr std::uint64_t prefix = 8;
inline constexpr std::uint64_t record_size(std::uint64_t length) { return prefix + ((length + 7) & ~std::uint64_t{7}); }

inline std::uint64_t checksum_of(const Header &header) { return ipc::checksum(&header, offsetof(Header, checksum)); }

inline Header make_header(std::uint64_t page, std::uint64_t capacity, std::uint64_t max_messages,
                          std::uint64_t max_message_size)
{
    Header header = {};
    std::memcpy(header.magic, magic, sizeof magic);
    header.version = version;
    header.data_offset = std::uint32_t(page);
    header.total = page + capacity;
    header.capacity = capacity;
    header.max_messages = max_messages;
    header.max_message_size = max_message_size;
    header.checksum = checksum_of(header);
    return header;
}

/// Capacities from one page up to what no machine has.
inline constexpr std::uint64_t most_capacity = std::uint64_t{1} << 44;

/// May a header that was read from a file of `length` bytes be used? EINVAL: it is no ring, EPROTONOSUPPORT: another
/// version, EBADMSG: damaged.
inline Result<void> check_header(const Header &header, std::uint64_t length, std::uint64_t page)
{
    if (std::memcmp(header.magic, magic, sizeof magic) != 0)
        return Error::of(EINVAL, "it is no ring (remove it, or choose another name)");
    if (header.version != version)
        return Error::of(EPROTONOSUPPORT, "it is a ring of version %" PRIu32 ", and %" PRIu32 " is known here",
                         header.version, version);
    const bool has_shape =
        header.checksum == checksum_of(header) && header.total == length && header.data_offset >= sizeof(Shared) &&
        header.data_offset % page == 0 && header.capacity >= page && header.capacity <= most_capacity &&
        (header.capacity & (header.capacity - 1)) == 0 && header.total == header.data_offset + header.capacity &&
        header.max_message_size > 0 && header.max_message_size <= header.capacity - prefix;
    if (!has_shape)
        return Error::of(EBADMSG,
                         "the ring is damaged: its header contradicts itself or the %" PRIu64
                         " bytes of its file (remove it and create it again)",
                         length);
    return {};
}

/// What anybody may see of a ring, at some moment.
struct Overview {
    std::uint64_t capacity, max_messages, max_message_size;
    std::uint64_t messages, bytes; ///< that wait; at most what there can be, whatever the memory says
    std::uint64_t used;            ///< of the capacity: payload, lengths and padding
    std::uint64_t sent, received;  ///< messages since the beginning
    std::uint32_t waiting_senders, waiting_receivers;
    std::uint32_t sending, receiving; ///< processes that hold an end just now, 0 if nobody does
};

inline std::uint32_t owner_of(const Gate &gate)
{
    return gate.owner.load(std::memory_order_relaxed) ? gate.process.load(std::memory_order_relaxed) : 0;
}

inline Overview overview_of(const Shared &shared, const Header &header)
{
    const auto at_most = [](std::uint64_t value, std::uint64_t most) { return value < most ? value : most; };
    const Place tail = settled_place_of(shared.receiver.mark), head = settled_place_of(shared.sender.mark);
    Overview overview = {};
    overview.capacity = header.capacity;
    overview.max_messages = header.max_messages;
    overview.max_message_size = header.max_message_size;
    overview.used = at_most(head.position - tail.position, header.capacity);
    overview.messages = at_most(head.messages - tail.messages, header.capacity / prefix);
    overview.bytes = at_most(head.bytes - tail.bytes, header.capacity);
    overview.sent = head.messages;
    overview.received = tail.messages;
    overview.waiting_senders = shared.sender.bell.waiting.load(std::memory_order_relaxed) & 0xffff;
    overview.waiting_receivers = shared.receiver.bell.waiting.load(std::memory_order_relaxed) & 0xffff;
    overview.sending = owner_of(shared.sender.gate);
    overview.receiving = owner_of(shared.receiver.gate);
    return overview;
}

} // namespace ipc::ring
