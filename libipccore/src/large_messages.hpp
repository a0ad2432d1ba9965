// SPDX-License-Identifier: MIT
// Messages above a threshold go through memory and not through their queue: a segment of a pool takes the bytes, and a
// reference to it is what is sent. Mapping fresh memory for each message costs more than copying it up to megabytes;
// mapping a few segments once and using them again costs nothing. ipc/large_message.hpp says what the two sides share.
#pragma once

#include "queue.hpp"
#include "segment.hpp"

#include <ipc/large_message.hpp>
#include <ipc/result.hpp>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// What a reference begins with.
inline constexpr std::string_view large_message_word = "ipc-large-message/1";

/// The sender's side: segments of one queue, filled again and again. When this ends, those that nobody reads are
/// removed, and the others are left to their receivers to remove.
class LargeMessagePool {
public:
    /// For a queue that is open. ENOTSUP if no plugin has segments for this.
    static Result<LargeMessagePool> create(const Queue &queue);
    ~LargeMessagePool();
    LargeMessagePool(LargeMessagePool &&) = default;
    LargeMessagePool &operator=(LargeMessagePool &&) = default;

    /// Put the bytes into a segment that is free, or a new one; returns the reference to be sent. At most `segments`
    /// are on their way at once: then this waits for one to be given back, nanoseconds or IPC_FOREVER; EAGAIN,
    /// ETIMEDOUT, EINTR as Queue::send.
    Result<std::string> put(std::span<const std::byte> bytes, std::int64_t timeout);
    /// The last reference was not sent after all.
    void take_back();

    static constexpr std::size_t segments = 64;

private:
    struct Slot {
        Segment segment;
        std::uint64_t capacity; // of payload
        std::string reference;  // without length and nonce
    };
    LargeMessagePool(std::string mechanism, const LargeMessageHeader &header)
        : mechanism_(std::move(mechanism)), header_(header)
    {
    }
    Result<Slot *> free_slot(std::uint64_t bytes, std::int64_t timeout);
    Result<Slot *> add_slot(std::uint64_t bytes);
    /// The first free one with so much room; null if there is none.
    Result<Slot *> find_free(std::uint64_t bytes);

    std::string mechanism_;
    LargeMessageHeader header_; // what all of its segments say
    std::vector<std::unique_ptr<Slot>> slots_;
    Slot *last_ = nullptr; // of the last put()
};

/// The receiver's side. Keeps the segments that it has seen mapped, since they come again.
class LargeMessageReader {
public:
    /// References are believed in `queue` alone, of segments that belong to this user, to root or to the queue's owner.
    explicit LargeMessageReader(const Queue &queue) : queue_(&queue) {}

    /// A payload that is on its way to this reader.
    struct Payload {
        Segment *segment;
        std::uint64_t offset, length;
    };
    /// What a message refers to; nothing if it is an ordinary message, as is what has not wholly the form of a
    /// reference. EBADMSG if it refers to what nobody will receive any more: the payload is gone, has been received, is
    /// another queue's or not to be believed. Other errors may pass, and the message should go back to its queue.
    Result<std::optional<Payload>> find(std::span<const std::byte> message)
    {
        return may_be_reference(message) ? look_up(message) : std::optional<Payload>();
    }
    /// Nearly all messages are told apart here.
    static bool may_be_reference(std::span<const std::byte> message)
    {
        return message.size() > large_message_word.size() &&
               std::memcmp(message.data(), large_message_word.data(), large_message_word.size()) == 0;
    }
    /// The payload that find() returned last, if any, has been read: its segment is the sender's again, or removed if
    /// there is no sender any more.
    void release();

private:
    struct Known {
        std::string address;
        Segment segment;
    };
    struct Reference;
    Result<std::optional<Payload>> look_up(std::span<const std::byte> message);
    static std::optional<Reference> parse(std::span<const std::byte> message);
    Result<Known *> open(const std::string &address);
    Result<void> check(Segment &segment, const Reference &reference);
    Result<bool> is_trusted_owner(const ipc_segment_status &segment);

    const Queue *queue_;
    std::optional<std::uint64_t> owner_; // of the queue, once it was asked for
    std::vector<std::unique_ptr<Known>> known_;
    Known *current_ = nullptr;
};

/// Copy a payload. EIO if its segment was made shorter meanwhile, ENOMEM if there is no memory for it.
Result<std::string> read_payload(const LargeMessageReader::Payload &payload);

/// Remove the segments whose references were in a queue that is no more; how many there were. For who removed it.
std::size_t remove_large_messages(const ipc_identity &queue);

} // namespace ipc
