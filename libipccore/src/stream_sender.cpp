// SPDX-License-Identifier: MIT
#include "stream_sender.hpp"

#include "error.hpp"
#include "inherited_signals.hpp"
#include "interruption.hpp"

#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <limits>

namespace ipc {
namespace {

constexpr std::size_t batch_size = 64 * 1024;

Error in_vain(const Deadline &deadline)
{
    if (deadline.at_once())
        return failure(EAGAIN, "the receiver is behind, and its channel full");
    return failure(ETIMEDOUT, "timed out, the receiver stayed behind and its channel full");
}

} // namespace

StreamSender::~StreamSender() = default;

Result<void> StreamSender::try_to_connect()
{
    const Result<void> connected = connect(Deadline(0));
    return connected || connected.error().code() == EAGAIN ? Result<void>() : connected;
}

Result<void> StreamSender::connect(const Deadline &deadline)
{
    if (stream_)
        return {};
    stream_.emplace(IPC_TRY(Stream::connect(*plugin_, address_, deadline.timeout())));
    if (stream_->keeps_records() && address_.frame)
        return usage_error("its channel keeps records apart by itself (leave out frame={})", text_of(*address_.frame));
    ignore_signal(SIGPIPE); // a pipe has no other way to say EPIPE
    return {};
}

Result<void> StreamSender::check(std::span<const std::byte> record) const
{
    if (stream_ && stream_->max_record() && record.size() > stream_->max_record())
        return failure(EMSGSIZE, "the message has {} bytes and the channel takes {} in one (split it)", record.size(),
                       stream_->max_record());
    if (stream_ && stream_->keeps_records())
        return {};
    if (frame() == StreamFrame::length && record.size() > std::numeric_limits<std::uint32_t>::max())
        return failure(EMSGSIZE, "the message has {} bytes and its length would not fit into {} (split it)",
                       record.size(), length_prefix_size);
    if (frame() != StreamFrame::length && !record.empty() &&
        std::memchr(record.data(), delimiter_of(frame()), record.size()))
        return failure(EINVAL, "the message holds a {}, which would end it (give both sides ?frame=length)",
                       frame() == StreamFrame::null ? "NUL byte" : "newline");
    return {};
}

Result<void> StreamSender::send(std::span<const std::byte> record, std::int64_t timeout)
{
    if (!bytes_.empty() && bytes_.size() + record.size() >= batch_size)
        IPC_TRY(flush(timeout));
    // What a channel is like is known when there is a receiver.
    const bool framed = address_.frame || (stream_ && !stream_->keeps_records());
    if (!framed) {
        const Deadline deadline(timeout);
        IPC_TRY(connect(deadline));
        if (stream_->keeps_records())
            return send_whole(record, deadline);
    }
    IPC_TRY(check(record));
    append(record);
    return {};
}

void StreamSender::append(std::span<const std::byte> record)
{
    if (frame() == StreamFrame::length)
        for (std::size_t i = 0; i < length_prefix_size; ++i)
            bytes_.push_back(std::byte(record.size() >> (8 * (length_prefix_size - 1 - i)) & 0xff));
    bytes_.insert(bytes_.end(), record.begin(), record.end());
    if (frame() != StreamFrame::length)
        bytes_.push_back(std::byte(delimiter_of(frame())));
}

bool StreamSender::takes_blocks(char delimiter) const
{
    return frame() != StreamFrame::length && delimiter == delimiter_of(frame()) && stream_ && !stream_->keeps_records();
}

/// Without a copy, unless a part of it remains.
Result<void> StreamSender::send_block(std::span<const std::byte> records, std::int64_t timeout)
{
    if (const Result<void> flushed = flush(timeout); !flushed) {
        bytes_.insert(bytes_.end(), records.begin(), records.end());
        return flushed;
    }
    return write_out(records, Deadline(timeout));
}

std::size_t StreamSender::end_of_record(std::span<const std::byte> records, std::size_t begin) const
{
    if (frame() != StreamFrame::length) {
        const void *hit = std::memchr(records.data() + begin, delimiter_of(frame()), records.size() - begin);
        return std::size_t(static_cast<const std::byte *>(hit) - records.data()) + 1;
    }
    std::size_t length = 0;
    for (std::size_t i = 0; i < length_prefix_size; ++i)
        length = length << 8 | std::to_integer<std::size_t>(records[begin + i]);
    return begin + length_prefix_size + length;
}

std::size_t StreamSender::in_hand() const
{
    std::size_t records = 0;
    for (std::size_t at = 0; at < bytes_.size(); at = end_of_record(bytes_, at))
        ++records;
    return records;
}

Result<void> StreamSender::send_whole(std::span<const std::byte> record, const Deadline &deadline)
{
    IPC_TRY(check(record));
    while (::send(stream_->descriptor(), record.data(), record.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno == EAGAIN || errno == ENOBUFS)
            IPC_TRY(wait_for_room(deadline));
        else if (errno == EMSGSIZE)
            return failure(EMSGSIZE, "the message has {} bytes, more than the channel takes in one (split it)",
                           record.size());
        else if (errno != EINTR || interrupted())
            return broken(errno);
    }
    return {};
}

Result<void> StreamSender::flush(std::int64_t timeout)
{
    if (bytes_.empty())
        return {};
    const Deadline deadline(timeout);
    IPC_TRY(connect(deadline));
    return write_out(bytes_, deadline);
}

Result<void> StreamSender::write_out(std::span<const std::byte> records, const Deadline &deadline)
{
    outgoing_ = records;
    const Result<void> written = stream_->atomic() ? write_shared(deadline) : write_to(outgoing_.size(), deadline);
    unlock();
    if (written) {
        bytes_.clear();
        written_ = whole_ = 0;
    } else {
        keep_unwritten();
    }
    return written;
}

/// From the record on in whose middle it is.
void StreamSender::keep_unwritten()
{
    for (std::size_t end = whole_; end <= written_ && end < outgoing_.size(); end = end_of_record(outgoing_, end))
        whole_ = end;
    const std::span<const std::byte> rest = outgoing_.subspan(whole_);
    bytes_ = std::vector<std::byte>(rest.begin(), rest.end());
    written_ -= whole_;
    whole_ = 0;
}

/// As many whole records as an atomic write takes, or a single one that is larger.
std::size_t StreamSender::end_of_atomic() const
{
    const std::size_t most = std::min(outgoing_.size(), whole_ + stream_->atomic());
    if (frame() != StreamFrame::length) {
        if (const void *hit = ::memrchr(outgoing_.data() + whole_, delimiter_of(frame()), most - whole_))
            return std::size_t(static_cast<const std::byte *>(hit) - outgoing_.data()) + 1;
        return end_of_record(outgoing_, whole_);
    }
    std::size_t end = end_of_record(outgoing_, whole_);
    while (end < most && end_of_record(outgoing_, end) <= most)
        end = end_of_record(outgoing_, end);
    return end;
}

Result<void> StreamSender::write_shared(const Deadline &deadline)
{
    while (whole_ < outgoing_.size()) {
        const std::size_t end = end_of_atomic();
        IPC_TRY(lock(end - whole_ > stream_->atomic() ? LOCK_EX : LOCK_SH, deadline));
        IPC_TRY(write_to(end, deadline));
        whole_ = end;
    }
    return {};
}

void StreamSender::unlock()
{
    if (locked_)
        ::flock(stream_->descriptor(), LOCK_UN);
    locked_ = 0;
}

/// Senders of small records do not hinder each other; nobody writes into the middle of a large one.
Result<void> StreamSender::lock(int how, const Deadline &deadline)
{
    if (locked_ == how)
        return {};
    locked_ = how;
    if (::flock(stream_->descriptor(), how | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return {};
    if (deadline.over())
        return in_vain(deadline);
    wait_deadline(deadline.timeout());
    int code = EINTR;
    while (code == EINTR && !interrupted() && !deadline.over())
        code = ::flock(stream_->descriptor(), how) == 0 ? 0 : errno;
    wait_deadline(IPC_FOREVER);
    if (code == EINTR && interrupted())
        return failure(EINTR, "stopped while another sender writes");
    return code == EINTR ? in_vain(deadline) : Result<void>();
}

Result<void> StreamSender::write_to(std::size_t end, const Deadline &deadline)
{
    while (written_ < end) {
        const ssize_t count = ::write(stream_->descriptor(), outgoing_.data() + written_, end - written_);
        if (count >= 0)
            written_ += std::size_t(count);
        else if (errno == EAGAIN)
            IPC_TRY(wait_for_room(deadline));
        else if (errno != EINTR || interrupted())
            return broken(errno);
    }
    return {};
}

Result<void> StreamSender::wait_for_room(const Deadline &deadline)
{
    const int left = deadline.milliseconds();
    if (left == 0)
        return in_vain(deadline);
    if (interrupted())
        return failure(EINTR, "stopped while waiting for room in the channel");
    pollfd channel = {stream_->descriptor(), POLLOUT, 0};
    ::poll(&channel, 1, left);
    return {};
}

Error StreamSender::broken(int code) const
{
    if (code == EPIPE || code == ECONNRESET || code == ECONNREFUSED || code == ENOTCONN)
        return failure(ECONNRESET, "the receiver is gone; what it had not taken of the last records is lost");
    if (code == EINTR)
        return failure(EINTR, "stopped while sending");
    return Error::system("the channel cannot be written", code);
}

} // namespace ipc
