// SPDX-License-Identifier: MIT
#include "delivery.hpp"

#include "byte_count.hpp"
#include "descriptors.hpp"
#include "error.hpp"
#include "interruption.hpp"
#include "memory_reserve.hpp"
#include "message_json.hpp"
#include "plugins.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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
    return {payload,   held.fields, held.priority,
            held.type, held.time,   messages_ + std::uint64_t(&held - held_.data()) + 1};
}

/// Nothing here needs memory: whoever took the message can still give it back.
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
    held.may_be_reference = !queue_->is_stream() && LargeMessageReader::may_be_reference({payload, message.length});
    has_reference_ |= held.may_be_reference;
    if (rendering_) {
        held.time = now();
        used_ += message.length;
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

Result<void> Delivery::write_rendered(const Held &held, std::span<const std::byte> payload)
{
    return within_memory([&] {
        std::string text;
        rendering_(received(held, payload), text);
        return write_text(text);
    });
}

Result<void> Delivery::write_bytes(const LargeMessageReader::Payload &payload)
{
    const Result<std::span<std::byte>> memory = payload.segment->map();
    if (memory && memory.value().size() >= payload.offset + payload.length) {
        std::size_t written = 0;
        return write(memory.value().subspan(payload.offset, payload.length), written);
    }
    std::array<std::byte, 16 * 1024> piece;
    for (std::uint64_t done = 0; done < payload.length;) {
        const std::size_t wanted = std::min<std::uint64_t>(piece.size(), payload.length - done);
        const std::size_t read = IPC_TRY(payload.segment->read(payload.offset + done, std::span(piece).first(wanted)));
        if (read == 0)
            return failure(EIO, "{}: somebody made it smaller", payload.segment->address().text());
        std::size_t written = 0;
        IPC_TRY(write(std::span(piece).first(read), written));
        done += read;
    }
    return {};
}

Result<void> Delivery::write_payload(const Held &held, const LargeMessageReader::Payload &payload)
{
    if (rendering_) {
        const std::string bytes = IPC_TRY(read_payload(payload));
        return write_rendered(held, std::as_bytes(std::span(bytes)));
    }
    if (frame_.front() && payload.length > std::numeric_limits<std::uint32_t>::max())
        return failure(EMSGSIZE, "a message has {} bytes, and a prefix of 4 bytes counts to {}", payload.length,
                       std::numeric_limits<std::uint32_t>::max());
    IPC_TRY(write_text(frame_.opening(payload.length)));
    IPC_TRY(write_bytes(payload));
    return write_text(frame_.closing());
}

void Delivery::pass_over(const Held &held, const Error &reason)
{
    ++undeliverable_;
    notice(fmt::format("{}{}", reason.text(), held.taken ? " (the reference to it follows as a JSON Line)" : ""));
    if (held.taken)
        print_lost(held);
}

Result<void> Delivery::write_reference(std::size_t index)
{
    Held &held = held_[index];
    const Result<std::optional<LargeMessageReader::Payload>> payload = large_.find(payload_of(held));
    if (!payload && payload.error().code() == EBADMSG) {
        pass_over(held, payload.error());
        held.messages = held.length = 0;
        return {};
    }
    if (!payload)
        return payload.error();
    if (payload.value()) {
        IPC_TRY(write_payload(held, *payload.value()));
        if (held.taken)
            large_.release();
        held.length = payload.value()->length;
        return {};
    }
    if (rendering_)
        return write_rendered(held, payload_of(held));
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
    IPC_TRY(keep_memory_reserve());
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

Result<void> Delivery::peek(std::uint64_t index)
{
    if (interrupted())
        return failure(EINTR, "interrupted");
    Message message = room();
    IPC_TRY(queue_->peek(index, message));
    hold(message, false);
    return {};
}

Result<void> Delivery::write(std::span<const std::byte> bytes, std::size_t &written)
{
    while (written < bytes.size()) {
        const ssize_t count = ::write(descriptor_, bytes.data() + written, bytes.size() - written);
        if (count >= 0)
            written += std::size_t(count);
        else if (!should_retry_at(descriptor_, POLLOUT))
            return errno == EINTR ? failure(EINTR, "interrupted")
                                  : failure(errno, "the output cannot be written: {}", write_failure(errno));
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

void Delivery::print_lost(const Held &held) const
{
    std::size_t start = held.start, length = held.length;
    for (std::uint64_t left = held.messages; left; --left) {
        const std::byte *from = payloads_.get() + start;
        if (held.messages > 1) {
            const void *hit = std::memchr(from, int(*frame_.delimiter()), held.end - start);
            length = std::size_t(static_cast<const std::byte *>(hit) - from);
        }
        write_lost_message({{from, length}, held.fields, held.priority, held.type});
        start += length + 1;
    }
}

std::size_t Delivery::give_back(std::size_t from)
{
    free_memory_reserve();
    const std::span<Held> back = std::span(held_).subspan(from);
    const bool in_front = queue_->features() & IPC_QUEUE_FRONT; // then the newest goes first
    std::uint64_t returned = 0, lost = 0;
    Result<void> reason;
    for (std::size_t i = 0; i < back.size(); i++) {
        Held &held = back[in_front ? back.size() - 1 - i : i];
        if (!held.taken)
            continue;
        const Result<void> done = within_memory([&] { return put_back(held); });
        held.is_back = done.ok();
        returned += done.ok();
        lost += done ? 0 : held.messages;
        if (!done)
            reason = done;
    }
    if (lost)
        notice(fmt::format(
            "received messages that could be neither written nor put back: {}, which follow as JSON Lines for "
            "mqsend --json ({})",
            lost, reason.error().text()));
    for (const Held &held : back)
        if (held.taken && !held.is_back)
            print_lost(held);
    return returned;
}

void Delivery::add_up(const Held &held)
{
    bytes_ += held.length;
    messages_ += held.messages;
}

void Delivery::shorten(Held &block, std::size_t written)
{
    const std::byte *from = payloads_.get() + block.start;
    Held done = block;
    done.messages = count_byte({from, written}, *frame_.delimiter());
    if (!done.messages)
        return;
    const void *last = ::memrchr(from, int(*frame_.delimiter()), written);
    const std::size_t length = std::size_t(static_cast<const std::byte *>(last) - from) + 1;
    done.length = length - done.messages;
    add_up(done);
    block.start += length;
    block.messages -= done.messages;
    block.length -= done.length;
}

Result<void> Delivery::write_framed(std::size_t &count)
{
    std::size_t end = count;
    while (end < held_.size() && !held_[end].may_be_reference)
        ++end;
    const std::size_t start = held_[count].start - frame_.front();
    std::size_t written = 0;
    const Result<void> done = write({payloads_.get() + start, held_[end - 1].end - start}, written);
    while (count < end && held_[count].end <= start + written)
        ++count;
    if (count < end && held_[count].messages > 1 && held_[count].start < start + written)
        shorten(held_[count], start + written - held_[count].start);
    return done;
}

std::size_t Delivery::render(std::size_t first)
{
    std::size_t next = first, end = 0; // of what is whole
    try {
        for (; next < held_.size() && !held_[next].may_be_reference && text_.size() < batch_size; ++next) {
            rendering_(received(held_[next], payload_of(held_[next])), text_);
            end = held_[next].end = text_.size();
        }
    } catch (const std::bad_alloc &) {
        text_.resize(end);
    }
    return next - first;
}

/// What there is memory for is written first, and makes room for what there was none for.
Result<void> Delivery::write_rendered(std::size_t &count)
{
    text_.clear();
    std::size_t rendered = render(count);
    if (!rendered) {
        std::string().swap(text_);
        rendered = render(count);
    }
    if (!rendered)
        return out_of_memory();
    const std::size_t end = count + rendered;
    std::size_t written = 0;
    const Result<void> done = write(std::as_bytes(std::span(text_)), written);
    while (count < end && held_[count].end <= written)
        ++count;
    return done;
}

Result<void> Delivery::write_held(std::size_t &count)
{
    for (count = 0; count < held_.size();) {
        if (!held_[count].may_be_reference) {
            IPC_TRY(rendering_ ? write_rendered(count) : write_framed(count));
        } else {
            IPC_TRY(write_reference(count));
            ++count;
        }
    }
    return {};
}

Result<void> Delivery::flush()
{
    std::size_t written = 0;
    const Result<void> done = within_memory([&] { return write_held(written); });
    for (const Held &held : std::span(held_).first(written))
        add_up(held);
    const std::size_t returned = done ? 0 : give_back(written);
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
