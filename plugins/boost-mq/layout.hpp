// SPDX-License-Identifier: MIT
// Where things lie in a message_queue of Boost.Interprocess, as programs of 64 bits have it: a word that says how far
// its creation has come, a header, an index, and as many blocks as the queue takes messages, of one size each.
//
// The index is a ring of pointers to all blocks, distances from where they stand. Those of the waiting messages stand
// together, the lowest priority first and of equal ones the youngest first, so the next to be received is the last one.
// The others are free. creation.cpp compares all this with Boost's.
//
// Every program that may write to a queue may write anything into it: numbers are compared with the size of the file
// before they are believed, and what the layout follows from is read once, when the queue is opened.
#pragma once

#include <ipc/result.hpp>
#include <ipc/shared_mutex.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace boost_mq {

/// Values of Header::state.
enum : std::uint32_t { uninitialized, initializing, initialized, corrupted };

/// The beginning of the file.
struct Header {
    std::uint32_t state;
    std::uint32_t unused[3];
    std::uint64_t index; // distance from here
    std::uint64_t max_messages, max_message_size;
    std::uint64_t count; // of waiting messages
    ipc::SharedMutex mutex;
    alignas(pthread_cond_t) unsigned char not_empty[sizeof(pthread_cond_t)];
    alignas(pthread_cond_t) unsigned char not_full[sizeof(pthread_cond_t)];
    std::uint64_t first; // place of the first of them in the index
    std::uint64_t blocked_senders, blocked_receivers;
};

/// In front of the bytes of a message; zero in one that is free.
struct Block {
    std::uint64_t length;
    std::uint32_t priority;
    std::uint32_t unused;
};

/// The layout of a queue for so many messages of so many bytes each. Offsets are from the beginning of the file.
struct Layout {
    std::uint64_t max_messages, max_message_size;
    std::uint64_t blocks; // offset of the first
    std::uint64_t stride; // from one to the next
    std::uint64_t bytes;  // of the file

    /// Nothing if no file could hold such a queue.
    static std::optional<Layout> of(std::uint64_t max_messages, std::uint64_t max_message_size);

    static constexpr std::uint64_t index = sizeof(Header);
    std::uint64_t slot(std::uint64_t place) const { return index + place * sizeof(std::uint64_t); }
    std::uint64_t block(std::uint64_t number) const { return blocks + number * stride; }
    /// Place number `position` of the messages, or behind them; both are less than max_messages.
    std::uint64_t place(std::uint64_t first, std::uint64_t position) const
    {
        const std::uint64_t until_end = max_messages - first;
        return position < until_end ? first + position : position - until_end;
    }
    /// Which block the pointer at `place` of the index means; nothing if none.
    std::optional<std::uint64_t> number(std::uint64_t place, std::uint64_t pointer) const
    {
        const std::uint64_t distance = slot(place) + pointer - blocks; // wraps if it is nonsense
        const std::uint64_t number = distance / stride;
        return number < max_messages && number * stride == distance ? std::optional(number) : std::nullopt;
    }
    std::uint64_t pointer(std::uint64_t place, std::uint64_t number) const { return block(number) - slot(place); }
};

/// Does it look like that of a queue, perhaps of one with a damaged state? `file_bytes` is the size of the file.
bool is_recognized(const Header &header, std::uint64_t file_bytes);
/// The layout of the queue with that header. EINVAL and EBADMSG say which field is wrong.
ipc::Result<Layout> check_header(const Header &header, std::uint64_t file_bytes);
/// Is what it says of the messages that wait possible? EBADMSG says what is not.
ipc::Result<void> check_state(const Layout &layout, std::uint64_t count, std::uint64_t first);

/// The header of a file; EINVAL if the file is too short for one.
ipc::Result<Header> read_header(int descriptor, std::uint64_t file_bytes);

/// "the queue is damaged: …"
[[gnu::format(printf, 1, 2)]] ipc::Error damaged(const char *format, ...);
/// What to tell of a queue whose lock nobody will ever give back.
ipc::Error left_error();

} // namespace boost_mq
