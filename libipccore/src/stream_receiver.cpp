// SPDX-License-Identifier: MIT
#include "stream_receiver.hpp"

#include "descriptors.hpp"
#include "error.hpp"
#include "interruption.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace ipc {
namespace {

constexpr std::size_t read_size = RecordSplitter::least_room;

Error nothing_came(const Deadline &deadline)
{
    return deadline.at_once() ? failure(EAGAIN, "no message is there")
                              : failure(ETIMEDOUT, "timed out, no message came");
}

std::uint64_t unread_bytes(int descriptor)
{
    int count = 0;
    return ::ioctl(descriptor, FIONREAD, &count) == 0 && count > 0 ? std::uint64_t(count) : 0;
}

} // namespace

StreamReceiver::StreamReceiver(const Plugin &plugin, Address address, const StreamLimits &limits)
    : plugin_(&plugin), address_(std::move(address)),
      largest_(limits.max_message_size ? limits.max_message_size : default_largest)
{
    if (limits.messages)
        left_ = limits.messages;
}

StreamReceiver::~StreamReceiver()
{
    std::uint64_t bytes = 0, count = 0;
    for (const Sender &sender : senders_) {
        if (!sender.own) // what is left of a shared channel is the next receiver's
            continue;
        const std::uint64_t unread = sender.splitter.waiting() + unread_bytes(sender.descriptor);
        bytes += unread;
        count += unread != 0;
    }
    const std::uint64_t records = in_hand();
    if (records)
        tell(fmt::format("records that were read and not taken are lost: {}", records));
    if (bytes)
        tell(fmt::format("bytes that senders sent and nobody took are lost: {}, of {} senders", bytes, count));
}

void StreamReceiver::tell(std::string_view what) const { notice(fmt::format("{}: {}", address_.text(), what)); }

Result<void> StreamReceiver::listen()
{
    if (stream_)
        return {};
    Stream stream = IPC_TRY(Stream::listen(*plugin_, address_));
    if (stream.keeps_records() && address_.frame)
        return usage_error("its channel keeps records apart by itself (leave out frame={})", text_of(*address_.frame));
    events_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!events_)
        return Error::system("epoll_create1");
    stream_.emplace(std::move(stream));
    if (const std::string name = stream_->name(); !name.empty())
        notice(fmt::format("{} is {}", address_.text(), Address{address_.mechanism, name, {}}.text()));
    if (!stream_->accepts())
        add(Fd(), stream_->descriptor());
    accepting_ = stream_->accepts();
    return accepting_ ? watch(EPOLL_CTL_ADD, stream_->descriptor(), nullptr) : Result<void>();
}

Result<void> StreamReceiver::watch(int operation, int descriptor, Sender *sender)
{
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.ptr = sender;
    if (::epoll_ctl(events_.get(), operation, descriptor, &event) != 0)
        return Error::system("epoll_ctl");
    return {};
}

void StreamReceiver::add(Fd own, int descriptor)
{
    const StreamFrame frame = address_.frame.value_or(StreamFrame::line);
    senders_.push_back(Sender{std::move(own), descriptor, RecordSplitter(frame, largest_)});
    Sender &sender = senders_.back();
    sender.self = std::prev(senders_.end());
    if (const Result<void> watched = watch(EPOLL_CTL_ADD, descriptor, &sender); !watched) {
        tell(watched.error().text());
        senders_.pop_back();
    }
}

/// So many at a time, since others may connect as fast as they are accepted. Where this process has no descriptor left,
/// senders wait in the backlog until one is free.
Result<void> StreamReceiver::accept_some()
{
    constexpr int most = 64;
    for (int count = 0; count < most; ++count) {
        Result<Fd> accepted = stream_->accept();
        if (!accepted && (accepted.error().code() == EMFILE || accepted.error().code() == ENFILE) &&
            !senders_.empty()) {
            accepting_ = false;
            return watch(EPOLL_CTL_DEL, stream_->descriptor(), nullptr);
        }
        if (!accepted)
            return accepted.error().code() == EAGAIN ? Result<void>() : accepted.error();
        const int descriptor = accepted->get();
        // An empty record comes with credentials, the end without.
        const int on = 1;
        if (stream_->keeps_records())
            ::setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
        add(std::move(accepted).value(), descriptor);
    }
    return {};
}

Result<void> StreamReceiver::receive(ipc_message &message, std::int64_t timeout)
{
    constexpr int most = 1024;
    const Deadline deadline(timeout);
    IPC_TRY(listen());
    for (int round = 0; !take(message); ++round) {
        if (failure_)
            return *failure_;
        // A record that never ends keeps who reads it busy, not waiting.
        if (round && (deadline.at_once() ? round > most : deadline.over()))
            return nothing_came(deadline);
        IPC_TRY(wait(deadline));
    }
    if (left_ && *left_)
        --*left_;
    return {};
}

std::size_t StreamReceiver::receive_block(std::span<std::byte> room, char delimiter)
{
    if (ready_.empty() || stream_->keeps_records() || (left_ && *left_ < room.size()))
        return 0;
    const std::span<const std::byte> block = ready_.front()->splitter.take_block(room.size(), delimiter);
    std::ranges::copy(block, room.begin());
    return block.size();
}

Result<void> StreamReceiver::wait(const Deadline &deadline)
{
    if (interrupted())
        return failure(EINTR, "stopped while waiting for a message");
    if (IPC_TRY(read_again()))
        return {};
    constexpr int most = 64;
    epoll_event events[most];
    // Where only some are wanted one sender is read at a time, so that no more are in hand.
    const auto time = int(deadline.left_within(watch_interval) / 1'000'000) + !deadline.at_once();
    const int count = ::epoll_wait(events_.get(), events, left_ ? 1 : most, time);
    if (count < 0)
        return errno == EINTR ? Result<void>() : Error::system("epoll_wait");
    if (count == 0)
        return deadline.over() ? nothing_came(deadline) : expect_senders();
    for (const epoll_event &event : std::span(events, std::size_t(count))) {
        if (!event.data.ptr)
            IPC_TRY(accept_some());
        else
            IPC_TRY(read(*static_cast<Sender *>(event.data.ptr), event.events & EPOLLHUP));
    }
    return {};
}

/// Those that are there, or may come. Nothing came for a while.
Result<void> StreamReceiver::expect_senders()
{
    const Result<void> found = stream_->find();
    return found || has_senders() ? Result<void>() : found;
}

/// Who may send to a shared channel of records cannot be told, and none is known. An empty pipe that nobody has open
/// for writing is at its end.
bool StreamReceiver::has_senders()
{
    std::byte next;
    return std::ranges::any_of(senders_, [&](const Sender &sender) {
        return sender.own || (!stream_->keeps_records() && look_ahead(sender, {&next, 1}) != 0);
    });
}

/// Spares asking who has something, if only one sender had and it is likely to have more.
Result<bool> StreamReceiver::read_again()
{
    constexpr unsigned most = 8;
    if (!busy_ || ++again_ > most) {
        busy_ = nullptr;
        again_ = 0;
        return false;
    }
    IPC_TRY(read(*std::exchange(busy_, nullptr), false));
    return !ready_.empty();
}

void StreamReceiver::make_ready(Sender &sender)
{
    if (!sender.is_ready)
        ready_.push_back(&sender);
    sender.is_ready = true;
}

Result<void> StreamReceiver::read(Sender &sender, bool at_end)
{
    if (stream_->keeps_records()) {
        make_ready(sender);
        return {};
    }
    Result<std::ptrdiff_t> count = read_some(sender);
    if (!count && count.error().code() == EAGAIN)
        return {};
    if (!count && count.error().code() == ENOMEM)
        return count.error();
    if (count && *count > 0) {
        sender.was_read = true;
        sender.splitter.filled(std::size_t(*count));
        busy_ = std::size_t(*count) == read_size && senders_.size() == 1 ? &sender : nullptr;
    }
    if (!count)
        tell(count.error().text());
    // On a shared channel 0 bytes may also mean that nobody has come yet.
    if (!count || (*count == 0 && (sender.own || at_end || sender.was_read)))
        sender.ended = true;
    make_ready(sender);
    return {};
}

Result<std::ptrdiff_t> StreamReceiver::read_some(Sender &sender)
{
    const std::span<std::byte> room = IPC_TRY(sender.splitter.room()).first(read_size);
    // Where more are wanted than one read can bring, all of it is.
    const ssize_t count = left_ && *left_ < room.size() ? IPC_TRY(read_exactly(sender, room))
                                                        : ::read(sender.descriptor, room.data(), room.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return failure(EAGAIN, "nothing is there");
    if (count < 0 && errno != ECONNRESET)
        return Error::system("a sender's channel cannot be read");
    return count < 0 ? 0 : count;
}

/// No more than the records that are wanted.
Result<std::ptrdiff_t> StreamReceiver::read_exactly(Sender &sender, std::span<std::byte> room)
{
    const ssize_t seen = look_ahead(sender, room);
    if (seen <= 0)
        return seen;
    const std::size_t before = sender.splitter.waiting();
    sender.splitter.filled(std::size_t(seen));
    std::uint64_t wanted = *left_;
    const std::size_t wanted_bytes = sender.splitter.extent(wanted);
    sender.splitter.forget_behind(before);
    return ::read(sender.descriptor, room.data(), std::max(wanted_bytes, before) - before);
}

/// What comes next, left where it is.
std::ptrdiff_t StreamReceiver::look_ahead(const Sender &sender, std::span<std::byte> room)
{
    if (!is_pipe(sender.descriptor))
        return ::recv(sender.descriptor, room.data(), room.size(), MSG_PEEK | MSG_DONTWAIT);
    int ends[2];
    if (!scratch_in_ && ::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
        scratch_out_ = Fd(ends[0]);
        scratch_in_ = Fd(ends[1]);
    }
    const ssize_t count = ::tee(sender.descriptor, scratch_in_.get(), room.size(), SPLICE_F_NONBLOCK);
    return count > 0 ? ::read(scratch_out_.get(), room.data(), std::size_t(count)) : count;
}

bool StreamReceiver::take(ipc_message &message)
{
    while (!ready_.empty()) {
        Sender &sender = *ready_.front();
        const bool taken = stream_->keeps_records() ? take_record(sender, message) : take_piece(sender, message);
        if (taken && ready_.size() > 1) {
            ready_.pop_front();
            ready_.push_back(&sender);
        }
        if (taken)
            return true;
        ready_.pop_front();
        sender.is_ready = false;
        if (sender.ended)
            finish(sender);
    }
    return false;
}

bool StreamReceiver::take_piece(Sender &sender, ipc_message &message)
{
    for (;;) {
        const RecordSplitter::Piece piece = sender.splitter.next();
        switch (piece.kind) {
        case RecordSplitter::Kind::record:
            std::memcpy(message.bytes, piece.bytes.data(), piece.bytes.size());
            message.length = piece.bytes.size();
            message.fields = 0;
            return true;
        case RecordSplitter::Kind::too_large:
            tell(fmt::format("a record of {} bytes is over the limit of {} and was passed over (raise --max-size)",
                             piece.size, largest_));
            break;
        case RecordSplitter::Kind::senseless:
            tell(fmt::format(
                "a sender announces a record of {} bytes, which makes no sense, and is cut off (it must put "
                "{} bytes of length in front of each record, the most significant first)",
                piece.size, length_prefix_size));
            sender.splitter.forget_behind(0);
            sender.ended = true;
            if (!sender.own) // where the next record begins cannot be known any more, whoever writes it
                failure_ = failure(EPROTO, "the records of its senders cannot be told apart any more");
            return false;
        case RecordSplitter::Kind::none:
            return false;
        }
    }
}

/// There is room for the credentials alone: descriptors that a sender passes along would stay open here.
bool StreamReceiver::take_record(Sender &sender, ipc_message &message)
{
    alignas(cmsghdr) char credentials[CMSG_SPACE(sizeof(ucred))];
    iovec place = {message.bytes, std::size_t(message.capacity)};
    msghdr header = {};
    header.msg_iov = &place;
    header.msg_iovlen = 1;
    header.msg_control = sender.own ? credentials : nullptr;
    header.msg_controllen = sender.own ? sizeof credentials : 0;
    const ssize_t count = ::recvmsg(sender.descriptor, &header, MSG_TRUNC | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0 || (count == 0 && sender.own && header.msg_controllen == 0)) {
        sender.ended = count == 0 || (errno != EAGAIN && errno != EINTR);
        return false;
    }
    if (header.msg_flags & MSG_TRUNC) {
        tell(fmt::format("a record of {} bytes is over the limit of {} and was passed over (raise --max-size)", count,
                         largest_));
        return false;
    }
    message.length = std::uint64_t(count);
    message.fields = 0;
    return true;
}

void StreamReceiver::finish(Sender &sender)
{
    if (const std::string rest = sender.splitter.cut_off(); !rest.empty())
        tell(fmt::format("a sender ended inside {}; it was not taken", rest));
    if (!sender.own) {
        if (failure_)
            return;
        if (const Result<void> renewed = renew(sender); !renewed)
            failure_ = renewed.error();
        return;
    }
    busy_ = nullptr;
    senders_.erase(sender.self);
    if (!accepting_ && stream_->accepts() && watch(EPOLL_CTL_ADD, stream_->descriptor(), nullptr))
        accepting_ = true;
}

Result<void> StreamReceiver::renew(Sender &sender)
{
    (void)watch(EPOLL_CTL_DEL, sender.descriptor, nullptr);
    IPC_TRY(stream_->renew());
    sender.splitter = RecordSplitter(address_.frame.value_or(StreamFrame::line), largest_);
    sender.ended = sender.was_read = false;
    return watch(EPOLL_CTL_ADD, sender.descriptor, &sender);
}

std::uint64_t StreamReceiver::in_hand() const
{
    std::uint64_t records = 0;
    for (const Sender &sender : senders_)
        records += sender.splitter.whole_records();
    return records;
}

} // namespace ipc
