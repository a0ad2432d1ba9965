// SPDX-License-Identifier: MIT
// ipc/ring_receiving.hpp - the functions of ipc/ring.hpp that receive, put back and peek; it includes this.
#pragma once

#include <ipc/ring.hpp>

namespace ipc {

inline int Ring::begin_receiving(std::int64_t timeout)
{
    if (!presence_) [[unlikely]]
        return EBADF;
    ring::End &end = shared_->receiver;
    if (const int code = receiver_lock_.lock(end, *presence_, receiver_spinner_, timeout))
        return code;
    receiving_.own = ring::place_of(end.mark);
    receiving_.published = receiving_.own.position;
    receiving_.other = end.gate.seen.load(std::memory_order_relaxed);
    return 0;
}

/// The length of the message at receiving_.own, EAGAIN if there is none.
inline int Ring::find_message(std::uint64_t &length)
{
    const std::uint64_t position = receiving_.own.position;
    std::uint64_t used = receiving_.other - position;
    if (used == 0 || used > header_.capacity) {
        const std::uint64_t word = shared_->sender.mark.word.load(std::memory_order_acquire);
        if (!ring::is_sound(word))
            return EBADMSG;
        receiving_.other = ring::position_of(word);
        shared_->receiver.gate.seen.store(receiving_.other, std::memory_order_relaxed);
        used = receiving_.other - position;
        if (used == 0)
            return EAGAIN;
    }
    if (used > header_.capacity || used % 8 != 0)
        return EBADMSG;
    length = length_at(position);
    return length <= used - ring::prefix && length <= header_.max_message_size ? 0 : EBADMSG;
}

/// The message at receiving_.own has been taken.
inline void Ring::advance(std::uint64_t length)
{
    ring::Place &own = receiving_.own;
    own = {own.position + ring::record_size(length), own.messages + 1, own.bytes + length};
    if (own.position - receiving_.published >= group_) {
        ring::publish(shared_->receiver.mark, own);
        receiving_.published = own.position;
    }
}

/// Senders that sleep are woken when a good part of the ring is free, not for each message: they would fill it up and
/// sleep again at once. They look for themselves before long, too.
inline bool Ring::room_is_worth_a_call() const
{
    const ring::Place head = ring::settled_place_of(shared_->sender.mark), &tail = receiving_.own;
    const std::uint64_t most = header_.max_messages, waiting = head.messages - tail.messages;
    return head.position - tail.position <= header_.capacity / 4 * 3 && (!most || waiting <= most - (most + 3) / 4);
}

inline void Ring::end_receiving()
{
    if (receiving_.own.position != receiving_.published)
        ring::publish(shared_->receiver.mark, receiving_.own);
    receiver_lock_.unlock(shared_->receiver.gate);
    if (ring::somebody_sleeps(shared_->sender.bell) && room_is_worth_a_call()) [[unlikely]]
        ring::ring_bell(shared_->sender.bell);
}

/// As it seems, without the lock, which is then not touched in vain. Those who only look get EBADF by trying.
inline bool Ring::has_message() const
{
    return ring::position_of(shared_->sender.mark.word.load(std::memory_order_relaxed)) !=
               ring::position_of(shared_->receiver.mark.word.load(std::memory_order_relaxed)) ||
           !presence_;
}

/// The same for the first look: what the last call saw is often enough, and costs no line of another processor's cache.
inline bool Ring::may_have_message() const { return receiving_.other != receiving_.own.position || has_message(); }

/// Attempt, and as long as there is no message again when the ends differ.
template <typename Attempt> int Ring::receive_by(Attempt &&attempt, std::int64_t timeout)
{
    const int code = may_have_message() ? attempt() : EAGAIN;
    if (code != EAGAIN || timeout == 0)
        return code;
    const auto ready = [this] { return has_message(); };
    return wait_until(attempt, ready, shared_->receiver, shared_->sender, receiver_spinner_, timeout);
}

inline Result<std::size_t> Ring::receive(std::span<std::byte> buffer, std::int64_t timeout)
{
    std::uint64_t length = 0;
    const auto attempt = [&] {
        if (const int code = begin_receiving(timeout))
            return code;
        int code = find_message(length);
        if (!code && length > buffer.size())
            code = EMSGSIZE;
        if (!code) {
            if (length)
                std::memcpy(buffer.data(), at(receiving_.own.position) + ring::prefix, length);
            advance(length);
        }
        end_receiving();
        return code;
    };
    if (const int code = receive_by(attempt, timeout))
        return receiving_error(code, length, buffer.size(), timeout);
    return std::size_t(length);
}

template <typename Visit> Result<std::size_t> Ring::receive_batch(Visit &&visit, std::int64_t timeout, std::size_t most)
{
    struct Ending { // however visit() ends
        Ring &ring;
        ~Ending() { ring.end_receiving(); }
    };
    std::size_t taken = 0;
    const auto attempt = [&] {
        if (const int code = begin_receiving(timeout))
            return code;
        const Ending ending{*this};
        const std::uint64_t begin = receiving_.own.position; // not for ever, however fast they come
        for (bool goes_on = true; goes_on && taken < most && receiving_.own.position - begin < header_.capacity;
             taken += goes_on) {
            std::uint64_t length = 0;
            if (const int code = find_message(length))
                return taken ? 0 : code;
            const Bytes message(at(receiving_.own.position) + ring::prefix, length);
            if constexpr (std::is_void_v<decltype(visit(message))>)
                visit(message);
            else
                goes_on = visit(message);
            if (goes_on)
                advance(length);
        }
        return 0;
    };
    if (const int code = receive_by(attempt, timeout))
        return receiving_error(code, 0, 0, timeout);
    return taken;
}

inline Result<Ring::Front> Ring::front(std::int64_t timeout)
{
    std::uint64_t length = 0;
    const auto attempt = [&] {
        if (const int code = begin_receiving(timeout))
            return code;
        const int code = find_message(length);
        if (code)
            end_receiving();
        return code;
    };
    if (const int code = receive_by(attempt, timeout))
        return receiving_error(code, 0, 0, timeout);
    return Front(*this, {at(receiving_.own.position) + ring::prefix, length});
}

inline void Ring::Front::take()
{
    Ring *ring = std::exchange(ring_, nullptr);
    if (!ring || !ring->receiver_lock_.held(*ring->presence_))
        return;
    ring->advance(bytes_.size());
    ring->end_receiving();
}

inline Ring::Front::~Front()
{
    if (ring_ && ring_->receiver_lock_.held(*ring_->presence_))
        ring_->end_receiving();
}

/// With both ends held: senders must not take the room before the oldest message for free meanwhile.
inline int Ring::rewind_by(Bytes message)
{
    ring::Place &tail = receiving_.own;
    const ring::Place head = ring::place_of(shared_->sender.mark);
    const std::uint64_t size = ring::record_size(message.size()), used = head.position - tail.position;
    if (used > header_.capacity)
        return EBADMSG;
    const std::uint64_t waiting = head.messages - tail.messages;
    if (header_.capacity - used < size || (header_.max_messages && waiting >= header_.max_messages))
        return EAGAIN;
    tail = {tail.position - size, tail.messages - 1, tail.bytes - message.size()};
    shared_->sender.gate.seen.store(tail.position, std::memory_order_relaxed);
    // Seen before any byte of what lies there changes, by those who peek.
    shared_->receiver.gate.rewinds.fetch_add(1, std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    write_record(tail.position, message);
    return 0;
}

inline Result<void> Ring::put_back(Bytes message)
{
    int code = message.size() > header_.max_message_size ? EMSGSIZE : begin_receiving(0);
    if (code)
        return sending_error(code, message.size(), 0);
    code = sender_lock_.lock(shared_->sender, *presence_, receiver_spinner_, 0);
    if (!code) {
        code = rewind_by(message);
        if (!code)
            ring::publish(shared_->receiver.mark, receiving_.own);
        receiving_.published = receiving_.own.position;
        sender_lock_.unlock(shared_->sender.gate);
    }
    end_receiving();
    if (ring::somebody_sleeps(shared_->receiver.bell))
        ring::ring_bell(shared_->receiver.bell);
    if (code)
        return sending_error(code, message.size(), 0);
    return {};
}

/// Without any lock: what was copied counts if nobody can have written there meanwhile.
inline int Ring::copy_at(std::uint64_t index, std::span<std::byte> buffer, std::uint64_t &length)
{
    const ring::Mark &mark = shared_->receiver.mark;
    const ring::Gate &gate = shared_->receiver.gate;
    for (int attempt = 0; attempt < 100; attempt++) {
        const std::uint32_t rewinds = gate.rewinds.load(std::memory_order_acquire);
        const std::uint64_t tail_word = mark.word.load(std::memory_order_acquire);
        const std::uint64_t head_word = shared_->sender.mark.word.load(std::memory_order_acquire);
        const std::uint64_t tail = ring::position_of(tail_word), head = ring::position_of(head_word);
        if (cursor_.tail != tail || cursor_.rewinds != rewinds || cursor_.index > index)
            cursor_ = {tail, 0, tail, rewinds};

        int code =
            ring::is_sound(tail_word) && ring::is_sound(head_word) && head - tail <= header_.capacity ? 0 : EBADMSG;
        while (!code) {
            const std::uint64_t left = head - cursor_.position;
            if (left == 0) {
                code = ENOMSG;
                break;
            }
            length = length_at(cursor_.position);
            if (left > header_.capacity || length > left - ring::prefix)
                code = EBADMSG;
            if (code || cursor_.index == index)
                break;
            cursor_.position += ring::record_size(length);
            cursor_.index++;
        }
        if (!code && length > buffer.size())
            code = EMSGSIZE;
        if (!code && length)
            std::memcpy(buffer.data(), at(cursor_.position) + ring::prefix, length);

        std::atomic_thread_fence(std::memory_order_acquire);
        const std::uint64_t passed = ring::position_of(mark.word.load(std::memory_order_relaxed)) - tail;
        if (passed <= cursor_.position - tail && gate.rewinds.load(std::memory_order_relaxed) == rewinds &&
            (code != EBADMSG || passed == 0))
            return code;
        cursor_ = {};
    }
    return EAGAIN;
}

inline Result<std::size_t> Ring::peek(std::uint64_t index, std::span<std::byte> buffer)
{
    std::uint64_t length = 0;
    const int code = copy_at(index, buffer, length);
    if (code == ENOMSG)
        return Error::of(code, "there are no more messages");
    if (code == EAGAIN)
        return Error::of(code, "the message was gone before it was copied (try again)");
    if (code)
        return receiving_error(code, length, buffer.size(), 0);
    return std::size_t(length);
}

} // namespace ipc
