// SPDX-License-Identifier: MIT
// The receiving end of a stream that is a queue: takes records from all senders in turn.
#pragma once

#include "record_splitter.hpp"
#include "stream.hpp"

#include <ipc/deadline.hpp>
#include <ipc/fd.hpp>
#include <ipc/result.hpp>

#include <cstdint>
#include <deque>
#include <list>
#include <optional>

namespace ipc {

/// Listens when the first record is asked for. Each sender in turn gives one record, and no more than 64 KiB are read
/// from it while others have some: who is slow, silent or stopped in the middle of a record delays nobody. What is
/// wrong with one sender's bytes (a record over the limit, one that is cut off, a senseless length) becomes a notice,
/// and the other senders count. Where only so many records are wanted, what lies behind them stays in the channel.
class StreamReceiver {
public:
    static constexpr std::uint64_t default_largest = 1024 * 1024;

    StreamReceiver(const Plugin &plugin, Address address, const StreamLimits &limits);
    ~StreamReceiver();
    StreamReceiver(const StreamReceiver &) = delete;

    std::uint64_t largest() const { return largest_; }
    /// ENODATA once a shared channel has come to its last end, with nothing left. EIDRM if no sender is there, and none
    /// can come, since the name was removed.
    Result<void> receive(ipc_message &message, std::int64_t timeout);
    /// Further records that were read of the sender whose turn it is, without waiting: those of a block of up to
    /// `room.size()` bytes, each with its delimiter. How many bytes; 0 if there are none, or they stand in another way.
    std::size_t receive_block(std::span<std::byte> room, char delimiter);
    /// Whole records that were read and not yet taken.
    std::uint64_t in_hand() const;

private:
    struct Sender {
        Fd own; // none on a shared channel
        int descriptor;
        RecordSplitter splitter;
        bool is_ready = false; // in ready_
        bool was_read = false;
        bool ended = false;
        std::list<Sender>::iterator self = {};
    };

    Result<void> listen();
    Result<void> wait(const Deadline &deadline);
    Result<bool> read_again();
    Result<void> expect_senders();
    bool has_senders();
    Result<void> accept_some();
    void add(Fd own, int descriptor);
    Result<void> watch(int operation, int descriptor, Sender *sender);

    bool take(ipc_message &message);
    bool take_piece(Sender &sender, ipc_message &message);
    bool take_record(Sender &sender, ipc_message &message);
    Result<void> read(Sender &sender, bool at_end);
    Result<std::ptrdiff_t> read_some(Sender &sender);
    Result<std::ptrdiff_t> read_exactly(Sender &sender, std::span<std::byte> room);
    std::ptrdiff_t look_ahead(const Sender &sender, std::span<std::byte> room);
    void make_ready(Sender &sender);
    void finish(Sender &sender);
    Result<void> renew(Sender &sender);
    void tell(std::string_view what) const;

    const Plugin *plugin_;
    Address address_;
    std::uint64_t largest_;
    std::optional<std::uint64_t> left_; // so many records are still wanted
    std::optional<Stream> stream_;
    Fd events_;
    bool accepting_ = false;
    Sender *busy_ = nullptr;      // filled all the room of the last read, and probably has more
    unsigned again_ = 0;          // so many times was it read since the others were looked at
    Fd scratch_in_, scratch_out_; // a pipe for looking ahead in another one
    std::list<Sender> senders_;
    std::deque<Sender *> ready_;   // those that may have a whole record, in turn
    std::optional<Error> failure_; // comes when nothing is left
};

} // namespace ipc
