// SPDX-License-Identifier: MIT
#include "delivery.hpp"

#include "byte_count.hpp"
#include "descriptors.hpp"
#include "error.hpp"
#include "interruption.hpp"
#include "message_json.hpp"
#include "plugins.hpp"
#include "standard_error.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <new>

namespace ipc {

namespace {

std::int64_t now()
{
    using namespace std::chrono;
    return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

bool is_pipe_or_socket(int descriptor)
{
    struct stat status;
    return ::fstat(descriptor, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

} // namespace

Delivery::Delivery(Queue &queue, int output, const Framing &framing, Rendering rendering, std::uint64_t largest)
    : queue_(&queue), large_(queue), descriptor_(output), may_break_(is_pipe_or_socket(output)), frame_(framing),
      rendering_(std::move(rendering)), largest_(largest),
      has_blocks_(queue.is_stream() && !rendering_ && frame_.delimiter()), taken_(new Message[batch_messages])
{
    held_.reserve(batch_messages);
}

Result<Delivery> Delivery::create(Queue &queue, int output, const Framing &framing, Rendering rendering)
{
    const std::uint64_t largest = IPC_TRY(queue.status()).max_message_size;
    if (framing.kind == Framing::Kind::length_prefixed && largest > std::numeric_limits<std::uint32_t>::max())
        return failure(EMSGSIZE, "a message may have {} bytes here, and a prefix of 4 bytes counts to {}", largest,
                       std::numeric_limits<std::uint32_t>::max());
    Delivery delivery(queue, output, framing, std::move(rendering), largest);
    const RecordFrame &frame = delivery.frame_;
    if (largest < std::numeric_limits<std::int64_t>::max())
        delivery.payloads_.reset(new (std::nothrow) std::byte[batch_size + frame.front() + largest + frame.back()]);
    if (!delivery.payloads_)
        return failure(ENOMEM, "no memory for a message, which may have {} bytes here", largest);
    return delivery;
}

/// Where the next message is received.
Message Delivery::room()
{
    Message message = {};
    message.size = sizeof message;
    message.bytes = payloads_.get() + used_ + (rendering_ ? 0 : frame_.front());
    message.capacity = largest_;
    return message;
}

ReceivedMessage Delivery::received(const Held &held, std::span<const std::byte> payload) const
{
    return {payload, held.fields, held.priority, held.type, now(), messages_ + std::uint64_t(&held - held_.data()) + 1};
}

void Delivery::hold(const Message &message, bool taken)
{
    const auto *payload = static_cast<const std::byte *>(message.bytes);
    Held &held = held_.emplace_back();
    held.start = std::size_t(payload - payloads_.get());
    held.length = message.length;
    held.fields = message.fields;
    held.priority = message.priority;
    held.type = message.type;
    held.taken = taken;
    held.may_be_reference = LargeMessageReader::may_be_reference({payload, message.length});
    has_reference_ |= held.may_be_reference;
    if (rendering_) {
        if (!held.may_be_reference)
            rendering_(received(held, {payload, message.length}), text_);
        used_ += message.length;
        held.end = text_.size();
    } else {
        used_ += frame_.close(payloads_.get() + used_, message.length);
        held.end = used_;
    }
}

Result<void> Delivery::write_text(std::string_view text)
{
    std::size_t written = 0;
    return write(std::as_bytes(std::span(text)), written);
}

Result<void> Delivery::write_payload(const Held &held, const LargeMessageReader::Payload &payload)
{
    if (rendering_) {
        const std::string bytes = IPC_TRY(read_payload(payload));
        std::string text;
        rendering_(received(held, std::as_bytes(std::span(bytes))), text);
        return write_text(text);
    }
    if (frame_.front() && payload.length > std::numeric_limits<std::uint32_t>::max())
        return failure(EMSGSIZE, "a message has {} bytes, and a prefix of 4 bytes counts to {}", payload.length,
                       std::numeric_limits<std::uint32_t>::max());
    const std::span<std::byte> memory = IPC_TRY(payload.segment->map());
    if (memory.size() < payload.offset + payload.length)
        return failure(EIO, "{}: somebody made it smaller", payload.segment->address().text());
    IPC_TRY(write_text(frame_.opening(payload.length)));
    std::size_t written = 0;
    IPC_TRY(write(memory.subspan(payload.offset, payload.length), written));
    return write_text(frame_.closing());
}

Result<void> Delivery::write_reference(Held &held)
{
    if (const auto payload = large_.find(payload_of(held))) {
        IPC_TRY(write_payload(held, *payload));
        if (held.taken)
            large_.release();
        held.length = payload->length;
        return {};
    }
    if (rendering_) {
        std::string text;
        rendering_(received(held, payload_of(held)), text);
        return write_text(text);
    }
    std::size_t written = 0;
    const std::size_t frame = held.start - frame_.front();
    return write({payloads_.get() + frame, held.end - frame}, written);
}

/// Has the queue, or rather this process, read messages that nobody else can take any more?
bool Delivery::is_read_ahead() const
{
    const Result<ipc_queue_status> status = queue_->status();
    return status && status->in_hand;
}

Result<std::uint64_t> Delivery::take(std::int64_t timeout, std::uint64_t most)
{
    if (interrupted() && !is_read_ahead())
        return failure(EINTR, "interrupted");
    const std::span<Message> messages(taken_.get(), std::min<std::uint64_t>(most, batch_messages - held_.size()));
    messages[0] = room();
    const std::size_t gap = rendering_ ? 0 : frame_.front() + frame_.back();
    const std::uint64_t count = IPC_TRY(queue_->receive_many(messages, batch_size - used_, gap, timeout));
    for (const Message &message : messages.first(count))
        hold(message, true);
    return count;
}

Result<std::uint64_t> Delivery::wait(std::int64_t timeout, std::uint64_t most)
{
    constexpr std::int64_t slice = 1'000'000'000;
    while (may_break_ && (timeout == IPC_FOREVER || timeout > slice)) {
        const Result<std::uint64_t> taken = take(slice, most);
        if (taken || taken.error().code() != ETIMEDOUT)
            return taken;
        pollfd output = {descriptor_, 0, 0};
        if (::poll(&output, 1, 0) > 0)
            return failure(EPIPE, "nobody reads the output any more");
        if (timeout != IPC_FOREVER)
            timeout -= slice;
    }
    return take(timeout, most);
}

std::uint64_t Delivery::take_ready_block(std::uint64_t most)
{
    const char delimiter = *frame_.delimiter();
    const std::size_t room = full() ? 0 : batch_size - used_;
    if (most < room || !room)
        return 0;
    std::byte *at = payloads_.get() + used_;
    const std::size_t length = queue_->receive_block({at, room}, delimiter);
    if (!length)
        return 0;
    const std::uint64_t messages = count_byte({at, length}, delimiter);
    used_ += length;
    held_.push_back({.start = std::size_t(at - payloads_.get()),
                     .length = length - messages,
                     .end = used_,
                     .taken = true,
                     .messages = messages});
    return messages;
}

void Delivery::split_blocks()
{
    std::vector<Held> single;
    for (const Held &held : held_) {
        std::size_t start = held.start;
        for (std::uint64_t left = held.messages; held.messages > 1 && left; --left) {
            const std::byte *from = payloads_.get() + start;
            const void *hit = std::memchr(from, *frame_.delimiter(), held.end - start);
            const auto length = std::size_t(static_cast<const std::byte *>(hit) - from);
            single.push_back({.start = start, .length = length, .end = start + length + 1, .taken = held.taken});
            start += length + 1;
        }
        if (held.messages == 1)
            single.push_back(held);
    }
    held_ = std::move(single);
}

Result<void> Delivery::peek(std::uint64_t index)
{
    if (interrupted())
        return failure(EINTR, "interrupted");
    Message message = room();
    IPC_TRY(queue_->peek(index, message));
    hold(message, false);
    return {};
}

std::span<const std::byte> Delivery::output() const
{
    return rendering_ ? std::as_bytes(std::span(text_)) : std::span<const std::byte>(payloads_.get(), used_);
}

Result<void> Delivery::write(std::span<const std::byte> bytes, std::size_t &written)
{
    while (written < bytes.size()) {
        const ssize_t count = ::write(descriptor_, bytes.data() + written, bytes.size() - written);
        if (count >= 0)
            written += std::size_t(count);
        else if (!should_retry_at(descriptor_, POLLOUT))
            return errno == EINTR ? failure(EINTR, "interrupted") : Error::system("the output cannot be written");
    }
    return {};
}

Result<void> Delivery::put_back(const Held &held)
{
    Message message = message_of(payload_of(held));
    message.fields = held.fields;
    message.priority = held.priority;
    message.type = held.type;
    return queue_->put_back(message);
}

std::size_t Delivery::give_back(std::size_t from)
{
    const std::span back = std::span(held_).subspan(from);
    const bool in_front = queue_->features() & IPC_QUEUE_FRONT; // then the newest goes first
    std::size_t returned = 0;
    std::vector<const Held *> lost;
    std::string reason, lines;
    for (std::size_t i = 0; i < back.size(); i++) {
        const Held &held = back[in_front ? back.size() - 1 - i : i];
        const Result<void> done = held.taken ? put_back(held) : Result<void>();
        returned += held.taken && done;
        if (done)
            continue;
        lost.push_back(&held);
        reason = done.error().text();
    }
    std::ranges::sort(lost);
    for (const Held *held : lost) {
        append_json_message({payload_of(*held), held->fields, held->priority, held->type}, JsonText::ascii, lines);
        lines += '\n';
    }
    if (!lost.empty())
        notice(fmt::format(
            "received messages that could be neither written nor put back: {}, which follow as JSON Lines for "
            "mqsend --json ({})",
            lost.size(), reason));
    write_to_stderr(lines);
    return returned;
}

Result<void> Delivery::write_held(std::size_t &count)
{
    std::size_t written = 0; // of the output
    Result<void> done;
    count = 0;
    if (has_reference_)
        split_blocks();
    for (std::size_t i = 0; has_reference_ && done && i < held_.size(); ++i) {
        if (!held_[i].may_be_reference)
            continue;
        done = write(output().first(i ? held_[i - 1].end : 0), written);
        if (done)
            done = write_reference(held_[i]);
        if (done) {
            written = held_[i].end;
            count = i + 1;
        }
    }
    if (done)
        done = write(output(), written);
    if (!done)
        split_blocks();
    while (count < held_.size() && (done || (held_[count].end <= written && !held_[count].may_be_reference)))
        ++count;
    return done;
}

Result<void> Delivery::flush()
{
    std::size_t count = 0;
    const Result<void> done = write_held(count);
    for (const Held &held : std::span(held_).first(count)) {
        bytes_ += held.length;
        messages_ += held.messages;
    }
    const std::size_t returned = done ? 0 : give_back(count);
    clear();
    if (!returned)
        return done;
    return failure(done.error().code(), "{} (messages put back: {})", done.error().text(), returned);
}

void Delivery::clear()
{
    used_ = 0;
    text_.clear();
    held_.clear();
    has_reference_ = false;
}

} // namespace ipc
