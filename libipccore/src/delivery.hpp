// SPDX-License-Identifier: MIT
// Received but not yet written: between taking a message from its queue and writing it, nobody else has it.
#pragma once

#include "framing.hpp"
#include "large_messages.hpp"
#include "queue.hpp"
#include "rendering.hpp"

#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ipc {

/// Collects messages and writes them with one system call. Those that could not be written completely go back into
/// their queue and keep their order, but stand behind what the queue holds of their priority or type, unless it takes
/// messages back in front (IPC_QUEUE_FRONT). Those that the queue does not take back are printed on stderr as JSON
/// Lines, so that no byte is lost; so are references to large messages that are gone, which no receiver can be given,
/// and the others go on. Memory that runs out is an error as others are. A process that is killed loses what it has in
/// hand.
class Delivery {
public:
    /// Messages are received straight into what is written, in the frame of `framing`; with a `rendering` they are
    /// written as that says. `queue` and `output` are the caller's and outlive this. SIGPIPE must be ignored.
    static Result<Delivery> create(Queue &queue, int output, const Framing &framing, Rendering rendering);

    /// Receive a message, waiting as Queue::receive does, and what there is behind it without waiting, as long as this
    /// is not full(): at most `most`, how many. EINTR once interrupted() and nothing is left that the queue has read
    /// ahead.
    Result<std::uint64_t> take(std::int64_t timeout, std::uint64_t most);
    /// The same, for long waits: where the output is a pipe or a socket that nobody reads any more, EPIPE within a
    /// second instead of waiting for a message that could not be delivered.
    Result<std::uint64_t> wait(std::int64_t timeout, std::uint64_t most);
    /// Take what is in hand of further messages as they are written, many at once, where the queue has them like that:
    /// at most `most`. How many; 0 says nothing about whether there are more.
    std::uint64_t take_block(std::uint64_t most) { return has_blocks_ ? take_ready_block(most) : 0; }
    /// Add a copy of the message at `index`, which stays where it is.
    Result<void> peek(std::uint64_t index);

    bool empty() const { return held_.empty(); }
    /// Is the message that was taken last one without bytes?
    bool ends_empty() const { return !held_.empty() && held_.back().length == 0; }
    /// Is there no room for another message? Then flush().
    bool full() const { return used_ >= batch_size || held_.size() >= batch_messages || has_reference_; }
    /// Write what is in hand. After an error nothing is in hand either.
    Result<void> flush();

    /// Messages and bytes of payload written so far.
    std::uint64_t messages() const { return messages_; }
    std::uint64_t bytes() const { return bytes_; }
    /// References to large messages that are gone.
    std::uint64_t undeliverable() const { return undeliverable_; }

private:
    static constexpr std::size_t batch_size = 64 * 1024, batch_messages = 4096;
    struct Held {
        std::size_t start = 0, length = 0; // of the payload
        std::size_t end = 0;               // of it in its frame, or once it is rendered
        std::uint32_t fields = 0, priority = 0;
        std::int64_t type = 0;
        std::int64_t time = IPC_NO_TIME; // if it is to be rendered
        bool taken = false;              // not peeked
        bool may_be_reference = false;   // to a large message: written on its own
        bool is_back = false;            // where it came from
        std::uint64_t messages = 1;      // of a block: the whole of it is written as it stands
    };

    Delivery(Queue &queue, int output, const Framing &framing, Rendering rendering, std::uint64_t largest);
    Message room();
    bool is_read_ahead() const;
    void hold(const Message &message, bool taken);
    std::uint64_t take_ready_block(std::uint64_t most);
    ReceivedMessage received(const Held &held, std::span<const std::byte> payload) const;
    std::span<const std::byte> payload_of(const Held &held) const
    {
        return {payloads_.get() + held.start, held.length};
    }
    /// Write what is in hand, in order, until something cannot be written; `count` becomes how many of them could be.
    Result<void> write_held(std::size_t &count);
    /// The same for those from `count` on, up to one that may be a reference: in their frames, or rendered.
    Result<void> write_framed(std::size_t &count);
    Result<void> write_rendered(std::size_t &count);
    /// Append as many as make up a batch of text, from `first` on; how many there was memory for.
    std::size_t render(std::size_t first);
    Result<void> write(std::span<const std::byte> bytes, std::size_t &written);
    Result<void> write_text(std::string_view text);
    Result<void> write_rendered(const Held &held, std::span<const std::byte> payload);
    /// Write one that may be a reference: what it refers to, else as it stands.
    Result<void> write_reference(std::size_t index);
    Result<void> write_payload(const Held &held, const LargeMessageReader::Payload &payload);
    /// Straight from the segment, whose pages stay mapped for the messages to come; through a little memory where there
    /// is none for it.
    Result<void> write_bytes(const LargeMessageReader::Payload &payload);
    void pass_over(const Held &held, const Error &reason);
    /// Take what is written of a block off it: whole messages.
    void shorten(Held &block, std::size_t written);
    void add_up(const Held &held);
    Result<void> put_back(const Held &held);
    void print_lost(const Held &held) const;
    /// How many went back of those from that one on.
    std::size_t give_back(std::size_t from);
    void clear();

    Queue *queue_;
    LargeMessageReader large_;
    int descriptor_;
    bool may_break_; // the output is a pipe or a socket
    RecordFrame frame_;
    Rendering rendering_;
    std::uint64_t largest_;
    bool has_blocks_;                       // the queue may have many messages in hand as they are written
    std::unique_ptr<std::byte[]> payloads_; // framed, unless there is a rendering
    std::size_t used_ = 0;
    std::string text_; // rendered, a batch at a time
    std::vector<Held> held_;
    bool has_reference_ = false;       // there is one that may be, so that its segment is not kept for long
    std::unique_ptr<Message[]> taken_; // what the queue says of those that it gives at once
    std::uint64_t messages_ = 0, bytes_ = 0, undeliverable_ = 0;
};

} // namespace ipc
