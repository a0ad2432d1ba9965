// SPDX-License-Identifier: MIT
#include "queues.hpp"
#include "waiting.hpp"

#include <cstddef>

namespace {

using namespace ipc;
using sysv::Name;

/// Which messages an address selects, in the words of msgrcv(2).
struct Selection {
    long type = 0; ///< 0 any, positive this one, negative the lowest up to its absolute value
    int flags = 0; ///< MSG_EXCEPT: any but `type`

    bool all() const { return type == 0; }
    bool takes(long other) const
    {
        if (flags & MSG_EXCEPT)
            return other != type;
        return type < 0 ? -other >= type : type == 0 || other == type;
    }
};

Error gone() { return Error::of(EIDRM, "the queue was removed (create it again, or stop using it)"); }

Error too_large(std::uint64_t length, const msginfo &limits, std::uint64_t capacity)
{
    if (length > static_cast<std::uint64_t>(limits.msgmax))
        return Error::of(EMSGSIZE,
                         "the message has %llu bytes, kernel.msgmax allows %d in one (send less, or raise it)",
                         static_cast<unsigned long long>(length), limits.msgmax);
    return Error::of(EMSGSIZE, "the message has %llu bytes, the queue holds %llu in all (send less, or make it larger)",
                     static_cast<unsigned long long>(length), static_cast<unsigned long long>(capacity));
}

Error no_room(std::uint64_t length, std::uint64_t capacity)
{
    return Error::of(EMSGSIZE, "the message has %llu bytes and stays in the queue, there is room for %llu",
                     static_cast<unsigned long long>(length), static_cast<unsigned long long>(capacity));
}

Error creation_refused(int code, const Name &name)
{
    if (code == EEXIST)
        return sysv::exists<Queues>(name);
    if (code == ENOSPC) {
        const unsigned long long used = queues_in_use();
        return Error::of(ENOSPC,
                         "kernel.msgmni allows %d queues, %llu exist, %llu are needed (remove some or raise it)",
                         queue_limits().msgmni, used, used + 1);
    }
    return Error::system("creating it", code);
}

/// The bytes that a queue must hold for what was asked; 0 for what the kernel gives.
Result<std::uint64_t> wanted_capacity(std::uint64_t max_messages, std::uint64_t max_size)
{
    const msginfo limits = queue_limits();
    const std::uint64_t largest = static_cast<std::uint64_t>(limits.msgmax);
    if (max_size > largest)
        return Error::of(EINVAL, "kernel.msgmax allows messages of %d bytes, %llu are needed (raise it)", limits.msgmax,
                         static_cast<unsigned long long>(max_size));
    if (max_messages == 0)
        return max_size > static_cast<std::uint64_t>(limits.msgmnb) ? max_size : 0;
    std::uint64_t bytes;
    if (__builtin_mul_overflow(max_messages, max_size ? max_size : largest, &bytes))
        return Error::of(EINVAL, "%llu messages of %llu bytes are more than a queue can hold (ask for fewer)",
                         static_cast<unsigned long long>(max_messages),
                         static_cast<unsigned long long>(max_size ? max_size : largest));
    return bytes;
}

class Channel {
public:
    static constexpr std::uint32_t features = IPC_QUEUE_TYPE;

    static Result<std::unique_ptr<Channel>> create(const ipc_address &address, std::uint64_t max_messages,
                                                   std::uint64_t max_message_size, const ipc_ownership &ownership);
    static Result<std::unique_ptr<Channel>> open(const ipc_address &address, std::uint32_t access);

    Result<void> status(ipc_queue_status &status);
    Result<void> send(const ipc_message &message, std::int64_t timeout);
    Result<void> receive(ipc_message &message, std::int64_t timeout);
    Result<void> peek(std::uint64_t index, ipc_message &message);
    Result<void> put_back(const ipc_message &message) { return send(message, 0); }

private:
    Channel(int id, const ipc_address &address);

    void make_room(std::uint64_t bytes);
    Result<void> learn_limits();
    char *payload() { return reinterpret_cast<char *>(&envelope_[1]); }
    void deliver(ssize_t length, ipc_message &message);
    Error send_failure(int code, std::uint64_t length);
    Error receive_failure(int code);
    Error peek_failure(int code);
    Result<std::uint64_t> copy_selected(std::uint64_t index);
    Result<std::uint64_t> copy_at(std::uint64_t position);

    int id_;
    sysv::KeylessName own_name_;
    Selection selection_;
    std::unique_ptr<long[]> envelope_; ///< the type, then the bytes, as the system calls want it
    std::uint64_t room_ = 0;           ///< bytes behind the type
    std::uint64_t largest_ = 0;        ///< message that the queue took when its limits were last looked at
    /// Peeking at a selection goes on where it stopped: message number `next_index_` of the selection is at
    /// `next_position_` of the queue or behind.
    std::uint64_t next_index_ = 0;
    std::uint64_t next_position_ = 0;
};

/// The checked value of a parameter that is a type.
long type_parameter(const char *value) { return static_cast<long>(whole_number(value).value_or(0)); }

Channel::Channel(int id, const ipc_address &address) : id_(id)
{
    if (const char *type = parameter(address, "type"))
        selection_ = {.type = type_parameter(type), .flags = 0};
    else if (const char *except = parameter(address, "except"))
        selection_ = {.type = type_parameter(except), .flags = MSG_EXCEPT};
}

Result<std::unique_ptr<Channel>> Channel::create(const ipc_address &address, std::uint64_t max_messages,
                                                 std::uint64_t max_message_size, const ipc_ownership &ownership)
{
    const Name name = IPC_TRY(sysv::parse(address));
    const key_t key = IPC_TRY(sysv::creation_key<Queues>(name));
    const std::uint64_t capacity = IPC_TRY(wanted_capacity(max_messages, max_message_size));
    const int id = msgget(key, IPC_CREAT | IPC_EXCL | 0600);
    if (id < 0)
        return creation_refused(errno, name);
    sysv::Unfinished<Queues> unfinished(id);

    std::unique_ptr<Channel> channel(new Channel(id, address));
    msqid_ds record;
    if (msgctl(id, IPC_STAT, &record) != 0)
        return Error::system("reading its limits");
    IPC_TRY(sysv::set_ownership(record.msg_perm, ownership));
    if (capacity != 0)
        record.msg_qbytes = capacity;
    if (msgctl(id, IPC_SET, &record) != 0) {
        const int code = errno;
        if (code == EPERM && capacity != 0)
            return Error::of(EPERM,
                             "kernel.msgmnb allows %d bytes in one queue, %llu are needed (ask for fewer or smaller "
                             "messages, raise it, or run with CAP_SYS_RESOURCE)",
                             queue_limits().msgmnb, static_cast<unsigned long long>(capacity));
        return Error::system("setting its owner, mode and limits", code);
    }
    unfinished.finish();
    sysv::warn_of_file_key(name, key);
    return channel;
}

Result<std::unique_ptr<Channel>> Channel::open(const ipc_address &address, std::uint32_t access)
{
    for (const char *key : {"type", "except"})
        if (!(access & IPC_READ) && parameter(address, key))
            return Error::of(EINVAL, "?%s= chooses what is received (leave it out; -t gives what is sent a type)", key);
    const int mode = (access & IPC_READ ? 0400 : 0) | (access & IPC_WRITE ? 0200 : 0);
    const int id = IPC_TRY(sysv::find<Queues>(address, mode));
    static_cast<void>(IPC_TRY(sysv::examine<Queues>(id)));
    // What an identifier names was not asked for reading yet; for writing only sending can.
    msqid_ds record;
    if (access & IPC_READ && msgctl(id, IPC_STAT, &record) != 0)
        return sysv::denied<Queues>(errno, "reading it", id);
    return std::unique_ptr<Channel>(new Channel(id, address));
}

Result<void> Channel::status(ipc_queue_status &status)
{
    const msqid_ds record = IPC_TRY(sysv::examine<Queues>(id_));
    status.features = features;
    status.messages = record.msg_qnum;
    status.bytes = record.__msg_cbytes;
    status.max_messages = IPC_UNKNOWN; // the kernel lets as many wait as the queue holds bytes
    status.max_bytes = record.msg_qbytes;
    status.max_message_size = largest_message(queue_limits(), record.msg_qbytes);
    status.identity = sysv::identity<Queues>(id_, record);
    status.name = own_name_.of(record.msg_perm.__key, id_);
    return {};
}

void Channel::make_room(std::uint64_t bytes)
{
    if (envelope_ && bytes <= room_)
        return;
    envelope_.reset(new long[1 + bytes / sizeof(long) + 1]);
    room_ = bytes;
}

Result<void> Channel::learn_limits()
{
    const Result<msqid_ds> record = sysv::examine<Queues>(id_);
    if (!record)
        return record.error().code() == ENOENT ? gone() : record.error();
    largest_ = largest_message(queue_limits(), record.value().msg_qbytes);
    make_room(largest_);
    return {};
}

Result<void> Channel::send(const ipc_message &message, std::int64_t timeout)
{
    if (message.fields & IPC_QUEUE_PRIORITY && message.priority != 0)
        return Error::of(EINVAL, "System V queues have no priorities (give the message a type with -t TYPE)");
    const std::int64_t type = message.fields & IPC_QUEUE_TYPE ? message.type : 1;
    if (type <= 0 || type > LONG_MAX)
        return Error::of(EINVAL, "the type of a message is a number from 1 to %ld", LONG_MAX);
    if (!envelope_ || message.length > largest_) {
        IPC_TRY(learn_limits());
        if (message.length > largest_)
            return send_failure(EMSGSIZE, message.length);
    }
    envelope_[0] = static_cast<long>(type);
    if (message.length > 0)
        std::memcpy(payload(), message.bytes, message.length);
    const ssize_t result =
        within(timeout, [&](int flags) -> ssize_t { return msgsnd(id_, envelope_.get(), message.length, flags); });
    return result < 0 ? send_failure(static_cast<int>(-result), message.length) : Result<void>();
}

Error Channel::send_failure(int code, std::uint64_t length)
{
    switch (code) {
    case EAGAIN:
        return Error::of(EAGAIN, "the queue is full (receive from it, or wait)");
    case ETIMEDOUT:
        return Error::of(ETIMEDOUT,
                         "the queue stayed full for all of the time given (receive from it, or wait longer)");
    case EINTR:
        return Error::of(EINTR, "interrupted before there was room");
    case EACCES:
        return sysv::denied<Queues>(EACCES, "sending to it", id_);
    case EIDRM:
        return gone();
    case EINVAL:
    case EMSGSIZE:
        // Also what the kernel says when the limits were lowered since they were learnt.
        if (const Result<msqid_ds> record = sysv::examine<Queues>(id_))
            return too_large(length, queue_limits(), record.value().msg_qbytes);
        return gone();
    default:
        return Error::system("sending", code);
    }
}

Result<void> Channel::receive(ipc_message &message, std::int64_t timeout)
{
    if (!envelope_)
        IPC_TRY(learn_limits());
    for (;;) {
        // A message larger than this stays where it is.
        const std::uint64_t room = std::min(message.capacity, room_);
        const ssize_t result = within(timeout, [&](int flags) {
            return msgrcv(id_, envelope_.get(), room, selection_.type, selection_.flags | flags);
        });
        if (result >= 0) {
            deliver(result, message);
            return {};
        }
        if (result != -E2BIG)
            return receive_failure(static_cast<int>(-result));
        if (room_ >= message.capacity)
            return Error::of(EMSGSIZE,
                             "the next message has more than the %llu bytes that there is room for, and stays "
                             "in the queue",
                             static_cast<unsigned long long>(message.capacity));
        make_room(message.capacity); // it was sent when the limits were higher
    }
}

void Channel::deliver(ssize_t length, ipc_message &message)
{
    message.length = static_cast<std::uint64_t>(length);
    message.fields = IPC_QUEUE_TYPE;
    message.type = envelope_[0];
    message.priority = 0;
    if (length > 0)
        std::memcpy(message.bytes, payload(), message.length);
}

Error Channel::receive_failure(int code)
{
    switch (code) {
    case ENOMSG:
    case EAGAIN:
        return Error::of(EAGAIN, selection_.all() ? "the queue is empty" : "no message that is selected waits");
    case ETIMEDOUT:
        return Error::of(ETIMEDOUT, "no message came in the time given");
    case EINTR:
        return Error::of(EINTR, "interrupted before a message came");
    case EACCES:
        return sysv::denied<Queues>(EACCES, "receiving from it", id_);
    case EIDRM:
    case EINVAL: // nothing else that it is given can be wrong
        return gone();
    default:
        return Error::system("receiving", code);
    }
}

Result<void> Channel::peek(std::uint64_t index, ipc_message &message)
{
    if (!envelope_)
        IPC_TRY(learn_limits());
    const std::uint64_t length = IPC_TRY(selection_.all() ? copy_at(index) : copy_selected(index));
    if (length > message.capacity)
        return no_room(length, message.capacity);
    deliver(static_cast<ssize_t>(length), message);
    return {};
}

/// Copy message number `index` of the selection into the envelope; its length. Going up index by index costs one walk
/// over the queue in all.
Result<std::uint64_t> Channel::copy_selected(std::uint64_t index)
{
    if (index < next_index_)
        next_index_ = next_position_ = 0;
    for (;; next_position_++) {
        const std::uint64_t length = IPC_TRY(copy_at(next_position_));
        if (!selection_.takes(envelope_[0]))
            continue;
        if (next_index_ == index)
            return length;
        next_index_++;
    }
}

/// Copy the message at `position` of the whole queue into the envelope; its length.
Result<std::uint64_t> Channel::copy_at(std::uint64_t position)
{
    if (position > LONG_MAX)
        return peek_failure(ENOMSG);
    ssize_t length = msgrcv(id_, envelope_.get(), room_, static_cast<long>(position), MSG_COPY | IPC_NOWAIT);
    if (length < 0 && errno == E2BIG) {
        // Larger than the queue takes by now. More than kernel.msgmax the kernel does not copy.
        make_room(static_cast<std::uint64_t>(queue_limits().msgmax));
        length = msgrcv(id_, envelope_.get(), room_, static_cast<long>(position), MSG_COPY | IPC_NOWAIT);
    }
    if (length < 0)
        return peek_failure(errno);
    return static_cast<std::uint64_t>(length);
}

Error Channel::peek_failure(int code)
{
    switch (code) {
    case ENOMSG:
        return Error::of(ENOMSG, "there are no more messages");
    case ENOSYS:
        return Error::of(ENOSYS, "this kernel cannot copy messages without taking them (it was built without "
                                 "CONFIG_CHECKPOINT_RESTORE)");
    case E2BIG:
    case EINVAL:
        if (sysv::examine<Queues>(id_))
            return Error::of(EMSGSIZE,
                             "the message is larger than kernel.msgmax, now %d bytes, and cannot be copied "
                             "(raise it, or receive the message)",
                             queue_limits().msgmax);
        return gone();
    default:
        return receive_failure(code);
    }
}

constexpr ipc_queue_v1 queue = queue_table<Channel>();

const void *capability(const char *name)
{
    const std::string_view wanted = name;
    if (wanted == IPC_QUEUE_1)
        return &queue;
    if (wanted == IPC_INSPECT_1)
        return &queue_inspection;
    return nullptr;
}

Result<void> check(const ipc_address &address)
{
    IPC_TRY(sysv::check_name(address));
    const char *type = parameter(address, "type"), *except = parameter(address, "except");
    if (type && except)
        return Error::of(EINVAL, "type and except exclude each other (give one of them)");
    if (type && type_parameter(type) == 0)
        return Error::of(EINVAL,
                         "type is a number other than 0 (write ?type=3 for that type, ?type=-3 for the lowest up "
                         "to 3)");
    if (except && type_parameter(except) <= 0)
        return Error::of(EINVAL, "except is a number from 1 on (write ?except=3 for any type but that)");
    return {};
}

constexpr ipc_parameter_info parameters[] = {
    {"type", "N", "receive this type only; -N the lowest type up to N"},
    {"except", "N", "receive any type but this"},
};

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "sysv-mq",
    .summary = "System V message queues",
    .version = "1.0",
    .parameters = parameters,
    .parameter_count = std::size(parameters),
    .flags = 0,
    .init = keep_host,
    .capability = capability,
    .check = guard<check>,
    .remove = guard<sysv::remove<Queues>>,
    .remove_unused = nullptr,
};

} // namespace

IPC_PLUGIN(plugin)
