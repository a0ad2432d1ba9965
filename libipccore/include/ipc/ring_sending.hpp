// SPDX-License-Identifier: MIT
// ipc/ring_sending.hpp - the functions of ipc/ring.hpp that send; it includes this.
#pragma once

#include <ipc/ring.hpp>

namespace ipc {

inline int Ring::begin_sending(std::int64_t timeout)
{
    if (!presence_) [[unlikely]]
        return EBADF;
    ring::End &end = shared_->sender;
    if (const int code = sender_lock_.lock(end, *presence_, sender_spinner_, timeout))
        return code;
    sending_.own = ring::place_of(end.mark);
    sending_.published = sending_.own.position;
    sending_.other = end.gate.seen.load(std::memory_order_relaxed);
    return 0;
}

/// 0 if a message of that length can be written at sending_.own, EAGAIN if not yet.
inline int Ring::make_room(std::uint64_t length)
{
    if (length > header_.max_message_size) [[unlikely]]
        return EMSGSIZE;
    const std::uint64_t position = sending_.own.position, needed = ring::record_size(length);
    // `other` may be anything that a peer wrote; what it says is used only while it makes sense.
    const auto room = [&] {
        const std::uint64_t used = position - sending_.other;
        return used <= header_.capacity ? header_.capacity - used : 0;
    };
    if (room() < needed) {
        const std::uint64_t word = shared_->receiver.mark.word.load(std::memory_order_acquire);
        if (!ring::is_sound(word) || position - ring::position_of(word) > header_.capacity)
            return EBADMSG;
        sending_.other = ring::position_of(word);
        shared_->sender.gate.seen.store(sending_.other, std::memory_order_relaxed);
        tail_when_full_ = word;
        if (room() < needed)
            return EAGAIN;
    }
    if (!header_.max_messages)
        return 0;
    tail_when_full_ = shared_->receiver.mark.word.load(std::memory_order_acquire);
    const std::uint64_t waiting = sending_.own.messages - ring::settled_place_of(shared_->receiver.mark).messages;
    if (waiting > header_.capacity / ring::prefix)
        return EBADMSG;
    return waiting < header_.max_messages ? 0 : EAGAIN;
}

inline void Ring::write_record(std::uint64_t position, Bytes message) const
{
    write_length(position, message.size());
    if (!message.empty())
        std::memcpy(at(position) + ring::prefix, message.data(), message.size());
}

/// What was written at sending_.own is a message.
inline void Ring::append(std::uint64_t length)
{
    ring::Place &own = sending_.own;
    own = {own.position + ring::record_size(length), own.messages + 1, own.bytes + length};
    if (own.position - sending_.published >= group_) {
        ring::publish(shared_->sender.mark, own);
        sending_.published = own.position;
    }
}

inline void Ring::end_sending()
{
    if (sending_.own.position != sending_.published)
        ring::publish(shared_->sender.mark, sending_.own);
    sender_lock_.unlock(shared_->sender.gate);
    if (ring::somebody_sleeps(shared_->receiver.bell))
        ring::ring_bell(shared_->receiver.bell);
}

/// Attempt, and as long as there is no room again when the tail has moved.
template <typename Attempt> int Ring::send_by(Attempt &&attempt, std::int64_t timeout)
{
    const int code = attempt();
    if (code != EAGAIN || timeout == 0)
        return code;
    const auto ready = [this] {
        return shared_->receiver.mark.word.load(std::memory_order_relaxed) != tail_when_full_;
    };
    return wait_until(attempt, ready, shared_->sender, shared_->receiver, sender_spinner_, timeout);
}

inline Result<void> Ring::send(Bytes message, std::int64_t timeout)
{
    const auto attempt = [&] {
        if (const int code = begin_sending(timeout))
            return code;
        const int code = make_room(message.size());
        if (!code) {
            write_record(sending_.own.position, message);
            append(message.size());
        }
        end_sending();
        return code;
    };
    if (const int code = send_by(attempt, timeout))
        return sending_error(code, message.size(), timeout);
    return {};
}

inline Result<std::size_t> Ring::send_batch(std::span<const Bytes> messages, std::int64_t timeout)
{
    std::size_t sent = 0;
    const auto attempt = [&] {
        if (const int code = begin_sending(timeout))
            return code;
        int code = 0;
        for (; sent < messages.size(); sent++) {
            code = make_room(messages[sent].size());
            if (code)
                break;
            write_record(sending_.own.position, messages[sent]);
            append(messages[sent].size());
        }
        end_sending();
        return sent ? 0 : code;
    };
    if (const int code = send_by(attempt, timeout))
        return sending_error(code, messages.empty() ? 0 : messages[0].size(), timeout);
    return sent;
}

inline Result<Ring::Claim> Ring::claim(std::size_t length, std::int64_t timeout)
{
    const auto attempt = [&] {
        if (const int code = begin_sending(timeout))
            return code;
        const int code = make_room(length);
        if (code)
            end_sending();
        return code;
    };
    if (const int code = send_by(attempt, timeout))
        return sending_error(code, length, timeout);
    return Claim(*this, {at(sending_.own.position) + ring::prefix, length});
}

inline Result<void> Ring::Claim::commit(std::size_t length)
{
    Ring *ring = std::exchange(ring_, nullptr);
    if (!ring || !ring->sender_lock_.held(*ring->presence_))
        return Error::of(EBADF, "there is nothing to commit (claim first)");
    const bool fits = length <= bytes_.size();
    if (fits) {
        ring->write_length(ring->sending_.own.position, length);
        ring->append(length);
    }
    ring->end_sending();
    if (!fits)
        return Error::of(EMSGSIZE, "%zu bytes were claimed and %zu are committed (claim more)", bytes_.size(), length);
    return {};
}

inline Ring::Claim::~Claim()
{
    if (ring_ && ring_->sender_lock_.held(*ring_->presence_))
        ring_->end_sending();
}

} // namespace ipc
