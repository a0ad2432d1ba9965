// SPDX-License-Identifier: MIT
// ipc/ring_implementation.hpp - the functions of ipc/ring.hpp, which includes it.
#pragma once

#include <ipc/ring.hpp>

namespace ipc {

// ---- opening ----

inline Result<Ring> Ring::create(std::string_view name, const RingLimits &limits, const ipc_ownership &ownership)
{
    IPC_TRY(ring::check_name(name));
    const ring::Header header = IPC_TRY(ring::plan(limits));
    Fd directory(::open(ring::directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return Error::system(ring::directory);
    // Without a name until it is complete: nobody finds half a ring, and none is left behind.
    Fd file(::openat(directory.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    const ring::FileName path(name);
    if (!file)
        return creation_error(errno, directory.get(), ring::directory);
    IPC_TRY(reserve(file.get(), 0, header.total, ring::directory));
    if (::pwrite(file.get(), &header, sizeof header, 0) != ssize_t(sizeof header))
        return Error::system("it cannot be written");
    IPC_TRY(set_ownership(file.get(), ownership));
    if (const int code = link_file(file.get(), directory.get(), path.leaf()))
        return creation_error(code, directory.get(), ring::directory);
    return over(reopen_by_name(std::move(file), directory.get(), path.leaf()), IPC_READ | IPC_WRITE);
}

inline Result<Ring> Ring::open(std::string_view name, std::uint32_t access)
{
    IPC_TRY(ring::check_name(name));
    const std::uint32_t needed = access & IPC_WRITE ? access | IPC_READ : access;
    return over(IPC_TRY(open_file(ring::FileName(name).path(), needed, O_NOFOLLOW)), needed);
}

inline Result<Ring> Ring::adopt(Fd file, std::uint32_t access)
{
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", file.get());
    const std::uint32_t needed = access & IPC_WRITE ? access | IPC_READ : access;
    return over(IPC_TRY(open_file(path, needed, 0)), needed);
}

inline Result<void> Ring::format(int file, const RingLimits &limits)
{
    const ring::Header header = IPC_TRY(ring::plan(limits));
    struct stat status;
    if (::fstat(file, &status) != 0)
        return Error::system("its size cannot be read");
    if (status.st_size != 0)
        return Error::of(EEXIST, "the file is not empty (use a new one)");
    if (::ftruncate(file, off_t(header.total)) != 0)
        return Error::system("the file cannot be made long enough");
    if (::pwrite(file, &header, sizeof header, 0) != ssize_t(sizeof header))
        return Error::system("the file cannot be written");
    return {};
}

inline Result<Ring> Ring::over(Fd file, std::uint32_t access)
{
    const ring::Header header = IPC_TRY(ring::read_header(file.get()));
    const bool writable = access & IPC_WRITE;
    ring::Mapping mapping = IPC_TRY(ring::Mapping::map(file.get(), header, writable));
    Ring ring(std::move(file), header, std::move(mapping), writable);
    if (writable && !ring.presence_->number())
        return Error::of(ENOLCK, "the kernel grants no lock on its file");
    return ring;
}

inline Ring::Ring(Fd file, const ring::Header &header, ring::Mapping mapping, bool writable)
    : file_(writable ? Fd() : std::move(file)),
      presence_(writable ? std::make_unique<ring::Presence>(std::move(file)) : nullptr), header_(header),
      mapping_(std::move(mapping)), shared_(reinterpret_cast<ring::Shared *>(mapping_.base())),
      data_(mapping_.base() + header.data_offset), mask_(header.capacity - 1),
      group_(std::min<std::uint64_t>(header.capacity / 8, 8192))
{
}

inline Ring::~Ring()
{
    if (presence_ && sender_lock_.held(*presence_))
        sender_lock_.unlock(shared_->sender.gate);
    if (presence_ && receiver_lock_.held(*presence_))
        receiver_lock_.unlock(shared_->receiver.gate);
}

/// Looked at after a sleep in which nobody came: whoever makes the file shorter takes memory away from under us.
inline bool Ring::is_whole() const
{
    struct stat status;
    return ::fstat(descriptor(), &status) == 0 && std::uint64_t(status.st_size) >= header_.total;
}

/// Attempt until it is not EAGAIN, in the time given. `ready` tells, without the lock, when to try again.
template <typename Attempt, typename Ready>
int Ring::wait_until(Attempt &&attempt, Ready &&ready, ring::End &own, const ring::End &other, ring::Spinner &spinner,
                     std::int64_t timeout)
{
    const ring::Deadline deadline(timeout);
    for (unsigned naps = 0;;) {
        if (spinner.spin(ready, other.bell.processors.load(std::memory_order_relaxed))) {
            if (const int code = attempt(); code != EAGAIN)
                return code;
            if (deadline.passed())
                return ETIMEDOUT;
            continue;
        }
        ring::Sleeper sleeper(own.bell);
        if (ready())
            if (const int code = attempt(); code != EAGAIN)
                return code;
        if (deadline.passed())
            return ETIMEDOUT;
        switch (sleeper.sleep(deadline.nap(naps))) {
        case EINTR:
            return EINTR;
        case EFAULT:
            return ESTALE;
        case ETIMEDOUT:
            naps++;
            if (!is_whole())
                return ESTALE;
            if (const int code = attempt(); code != EAGAIN) // in case that `ready` is not all there is to it
                return code;
            break;
        default:
            naps = 0;
        }
    }
}

// ---- sending ----

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
    int code = attempt();
    if (code == EAGAIN && timeout != 0)
        code = wait_for_room(attempt, timeout);
    if (code)
        return sending_error(code, message.size(), timeout);
    return {};
}

template <typename Attempt> int Ring::wait_for_room(Attempt &&attempt, std::int64_t timeout)
{
    const auto ready = [this] {
        return shared_->receiver.mark.word.load(std::memory_order_relaxed) != tail_when_full_;
    };
    return wait_until(attempt, ready, shared_->sender, shared_->receiver, sender_spinner_, timeout);
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
    int code = attempt();
    if (code == EAGAIN && timeout != 0)
        code = wait_for_room(attempt, timeout);
    if (code)
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
    int code = attempt();
    if (code == EAGAIN && timeout != 0)
        code = wait_for_room(attempt, timeout);
    if (code)
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

// ---- receiving ----

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

template <typename Attempt> int Ring::wait_for_message(Attempt &&attempt, std::int64_t timeout)
{
    return wait_until(
        attempt, [this] { return has_message(); }, shared_->receiver, shared_->sender, receiver_spinner_, timeout);
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
    int code = may_have_message() ? attempt() : EAGAIN;
    if (code == EAGAIN && timeout != 0)
        code = wait_for_message(attempt, timeout);
    if (code)
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
    int code = may_have_message() ? attempt() : EAGAIN;
    if (code == EAGAIN && timeout != 0)
        code = wait_for_message(attempt, timeout);
    if (code)
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
    int code = may_have_message() ? attempt() : EAGAIN;
    if (code == EAGAIN && timeout != 0)
        code = wait_for_message(attempt, timeout);
    if (code)
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

// ---- errors ----

[[gnu::cold, gnu::noinline]] inline Error Ring::common_error(int code, const ring::End &end, const char *what,
                                                             std::int64_t timeout) const
{
    switch (code) {
    case EBUSY:
        return Error::of(timeout ? ETIMEDOUT : EAGAIN,
                         "process %" PRIu32 " holds the end that %s and does not let go (see what stops it, or end it)",
                         end.gate.process.load(std::memory_order_relaxed), what);
    case EINTR:
        return Error::of(code, "interrupted");
    case EDEADLK:
        return Error::of(code, "this opener holds the end that %s already (commit, take or give up first)", what);
    case EBADF:
        return presence_ ? Error::of(code, "it was opened before a fork and cannot be opened again (is /proc mounted?)")
                         : Error::of(code, "it is open for looking only, since sending and receiving take the right to "
                                           "read and write its file");
    case ESTALE:
    case EFAULT:
        return Error::of(ESTALE, "its file was made shorter by somebody (remove it and create it again)");
    case EBADMSG:
        return Error::of(code, "the ring is damaged: what its memory says of messages cannot be (remove it and create "
                               "it again)");
    default:
        return Error::system("it cannot be used", code);
    }
}

[[gnu::cold, gnu::noinline]] inline Error Ring::sending_error(int code, std::uint64_t length,
                                                              std::int64_t timeout) const
{
    switch (code) {
    case EAGAIN:
        return Error::of(code, "the ring is full");
    case ETIMEDOUT:
        return Error::of(code, "timed out, the ring stayed full");
    case EMSGSIZE:
        return Error::of(
            code, "the message has %" PRIu64 " bytes and the ring takes at most %" PRIu64 " (create a larger one)",
            length, header_.max_message_size);
    default:
        return common_error(code, shared_->sender, "sends", timeout);
    }
}

[[gnu::cold, gnu::noinline]] inline Error Ring::receiving_error(int code, std::uint64_t length, std::uint64_t room,
                                                                std::int64_t timeout) const
{
    switch (code) {
    case EAGAIN:
        return Error::of(code, "the ring is empty");
    case ETIMEDOUT:
        return Error::of(code, "timed out, the ring stayed empty");
    case EMSGSIZE:
        return Error::of(code, "the message has %" PRIu64 " bytes and stays in the ring, there is room for %" PRIu64,
                         length, room);
    default:
        return common_error(code, shared_->receiver, "receives", timeout);
    }
}

} // namespace ipc
