// SPDX-License-Identifier: MIT
#include "delivery.hpp"

#include "byte_count.hpp"
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
      rendering_(std::move(rendering)), largest_(largest)
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

void Delivery::hold(const Message &message, bool taken)
{
    const auto *payload = static_cast<const std::byte *>(message.bytes);
    Held held = {std::size_t(payload - payloads_.get()),
                 message.length,
                 0,
                 message.fields,
                 message.priority,
                 message.type,
                 taken};
    if (rendering_) {
        rendering_({{payload, message.length},
                    message.fields,
                    message.priority,
                    message.type,
                    now(),
                    messages_ + held_.size() + 1},
                   text_);
        used_ += message.length;
        held.end = text_.size();
    } else {
        used_ += frame_.close(payloads_.get() + used_, message.length);
        held.end = used_;
    }
    held_.push_back(held);
}

Result<void> Delivery::write_text(std::string_view text)
{
    std::size_t written = 0;
    return write(std::as_bytes(std::span(text)), written);
}

/// Straight from the segment, whose pages stay mapped for the messages to come.
Result<void> Delivery::write_payload(const Message &message, const LargeMessageReader::Payload &payload)
{
    if (rendering_) {
        const std::string bytes = IPC_TRY(read_payload(payload));
        std::string text;
        rendering_(
            {std::as_bytes(std::span(bytes)), message.fields, message.priority, message.type, now(), messages_ + 1},
            text);
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

Result<void> Delivery::deliver(const Message &message, const LargeMessageReader::Payload &payload)
{
    IPC_TRY(flush());
    IPC_TRY(write_payload(message, payload));
    messages_++;
    bytes_ += payload.length;
    return {};
}

/// Has the queue, or rather this process, read messages that nobody else can take any more?
bool Delivery::is_read_ahead() const
{
    const Result<ipc_queue_status> status = queue_->status();
    return status && status->in_hand;
}

Result<void> Delivery::take(std::int64_t timeout)
{
    if (interrupted() && !is_read_ahead())
        return failure(EINTR, "interrupted");
    Message message = room();
    IPC_TRY(queue_->receive(message, timeout));
    if (const auto payload = large_.find({static_cast<const std::byte *>(message.bytes), message.length})) {
        Result<void> done = deliver(message, *payload);
        if (done)
            large_.release();
        else if (const Result<void> back = queue_->put_back(message); !back)
            notice(fmt::format("a large message stays in {}: {}", payload->segment->address().text(),
                               back.error().text()));
        return done;
    }
    hold(message, true);
    return {};
}

Result<void> Delivery::wait(std::int64_t timeout)
{
    constexpr std::int64_t slice = 1'000'000'000;
    while (may_break_ && (timeout == IPC_FOREVER || timeout > slice)) {
        const Result<void> taken = take(slice);
        if (taken || taken.error().code() != ETIMEDOUT)
            return taken;
        pollfd output = {descriptor_, 0, 0};
        if (::poll(&output, 1, 0) > 0)
            return failure(EPIPE, "nobody reads the output any more");
        if (timeout != IPC_FOREVER)
            timeout -= slice;
    }
    return take(timeout);
}

std::uint64_t Delivery::take_block(std::uint64_t most)
{
    const std::optional<char> delimiter = rendering_ ? std::nullopt : frame_.delimiter();
    const std::size_t room = full() ? 0 : batch_size - used_;
    if (!delimiter || most < room || !room)
        return 0;
    std::byte *at = payloads_.get() + used_;
    const std::size_t length = queue_->receive_block({at, room}, *delimiter);
    if (!length)
        return 0;
    const std::uint64_t messages = count_byte({at, length}, *delimiter);
    used_ += length;
    held_.push_back({std::size_t(at - payloads_.get()), length - messages, used_, 0, 0, 0, true, messages});
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
            single.push_back({start, length, start + length + 1, 0, 0, 0, held.taken});
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
    if (const auto payload = large_.find({static_cast<const std::byte *>(message.bytes), message.length}))
        return deliver(message, *payload);
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
        if (count >= 0) {
            written += std::size_t(count);
        } else if (errno == EINTR && interrupted()) {
            return failure(EINTR, "interrupted");
        } else if (errno == EAGAIN) { // somebody made the descriptor, which is shared, not block
            pollfd output = {descriptor_, POLLOUT, 0};
            if (::poll(&output, 1, -1) < 0 && interrupted())
                return failure(EINTR, "interrupted");
        } else if (errno != EINTR) {
            return Error::system("the output cannot be written");
        }
    }
    return {};
}

Result<void> Delivery::put_back(const Held &held)
{
    Message message = {};
    message.size = sizeof message;
    message.fields = held.fields;
    message.bytes = payloads_.get() + held.start;
    message.length = message.capacity = held.length;
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
        append_json_message({{payloads_.get() + held->start, held->length}, held->fields, held->priority, held->type},
                            JsonText::ascii, lines);
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

Result<void> Delivery::flush()
{
    std::size_t written = 0;
    const Result<void> done = write(output(), written);
    if (!done)
        split_blocks();
    const auto unwritten = std::ranges::find_if(held_, [&](const Held &held) { return !done && held.end > written; });
    for (auto held = held_.begin(); held != unwritten; ++held) {
        bytes_ += held->length;
        messages_ += held->messages;
    }
    const auto count = std::size_t(unwritten - held_.begin());
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
}

} // namespace ipc
