// SPDX-License-Identifier: MIT
// The sending end of a stream that is a queue: frames records and writes many of them with one system call.
#pragma once

#include "stream.hpp"
#include "stream_frame.hpp"

#include <ipc/deadline.hpp>
#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ipc {

/// Connects when the first record has to go. Records are kept until 64 KiB of them are together, or flush(). On a
/// channel that senders share, records that fit into an atomic write are never torn apart by another sender; larger
/// ones only by senders that do not take flock(2) on the channel, as this one does.
class StreamSender {
public:
    StreamSender(const Plugin &plugin, Address address) : plugin_(&plugin), address_(std::move(address)) {}
    ~StreamSender();
    StreamSender(const StreamSender &) = delete;

    /// Connect if somebody receives now. What is wrong with the address is an error, that nobody receives is none.
    Result<void> try_to_connect();
    Result<void> send(std::span<const std::byte> record, std::int64_t timeout);
    /// Do records that each end with this byte stand on the channel just so? Then send_block() takes many at once.
    /// Known as soon as a receiver is.
    bool takes_blocks(char delimiter) const;
    /// Whole records, each with its delimiter.
    Result<void> send_block(std::span<const std::byte> records, std::int64_t timeout);
    Result<void> flush(std::int64_t timeout);
    /// Records that are not, or not wholly, written.
    std::size_t in_hand() const;

private:
    StreamFrame frame() const { return address_.frame.value_or(StreamFrame::line); }
    Result<void> check(std::span<const std::byte> record) const;
    void append(std::span<const std::byte> record);
    Result<void> connect(const Deadline &deadline);
    Result<void> send_whole(std::span<const std::byte> record, const Deadline &deadline);
    Result<void> write_shared(const Deadline &deadline);
    Result<void> write_to(std::size_t end, const Deadline &deadline);
    Result<void> write_out(std::span<const std::byte> records, const Deadline &deadline);
    /// Behind the record that begins there.
    std::size_t end_of_record(std::span<const std::byte> records, std::size_t begin) const;
    void keep_unwritten();
    std::size_t end_of_atomic() const;
    Result<void> wait_for_room(const Deadline &deadline);
    Result<void> lock(int how, const Deadline &deadline);
    void unlock();
    Error broken(int code) const;

    const Plugin *plugin_;
    Address address_;
    std::optional<Stream> stream_;
    std::vector<std::byte> bytes_;             // framed records that are kept
    std::span<const std::byte> outgoing_ = {}; // those that are being written: these, or a block
    std::size_t written_ = 0;                  // of what is kept
    std::size_t whole_ = 0;                    // where the first of it begins that is not wholly written
    int locked_ = 0;                           // how the channel is: LOCK_SH, LOCK_EX
};

} // namespace ipc
