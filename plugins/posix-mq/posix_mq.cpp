// SPDX-License-Identifier: MIT
// posix-mq: POSIX message queues, mq_overview(7).
#include "posix_mq.hpp"

#include <ipc/queue.hpp>

#include <poll.h>
#include <sys/inotify.h>

#include <limits>

namespace posix_mq {

namespace {

constexpr std::uint32_t highest_priority = 32767; // MQ_PRIO_MAX - 1

/// For mq_timedsend(3) and its like, whose moments are those of the wall clock: one that has always passed means "do
/// not wait", and no other is used, since that clock may be set at any time.
constexpr timespec at_once = {};

Error opening_error(int code, const PosixName &name)
{
    if (code == ENOENT)
        return ipc::lookup_error(code);
    if (code == EMFILE)
        return Error::of(code, "this process has no descriptor left (raise RLIMIT_NOFILE: ulimit -n)");
    struct statx status;
    int directory = code == EACCES ? queue_directory() : -1;
    if (directory >= 0 && ipc::file_status(directory, name.leaf(), AT_SYMLINK_NOFOLLOW, status) == 0)
        return Error::of(code, "this user may not open it: it belongs to user %u and group %u and has mode %04o",
                         status.stx_uid, status.stx_gid, status.stx_mode & 07777u);
    if (code == EACCES)
        return Error::of(code, "this user may not open it (its owner or root may)");
    return Error::system("it cannot be opened", code);
}

class Channel {
public:
    static constexpr std::uint32_t features = IPC_QUEUE_PRIORITY;

    explicit Channel(Fd queue) : queue_(std::move(queue)) {}

    static Result<std::unique_ptr<Channel>> create(const ipc_address &address, std::uint64_t max_messages,
                                                   std::uint64_t max_message_size, const ipc_ownership &ownership)
    {
        PosixName name(address.name);
        mq_attr sizes = IPC_TRY(wanted_sizes(max_messages, max_message_size));
        // For its owner alone until it has its group and exact mode.
        Fd queue(::mq_open(name.text(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode_t(ownership.mode & 0700), &sizes));
        if (!queue)
            return creation_error(errno, sizes);
        Result<void> owned = ipc::set_ownership(queue.get(), ownership);
        if (!owned) {
            ::mq_unlink(name.text());
            return owned.error();
        }
        return std::make_unique<Channel>(std::move(queue));
    }

    static Result<std::unique_ptr<Channel>> open(const ipc_address &address, std::uint32_t access)
    {
        PosixName name(address.name);
        int mode = (access & IPC_WRITE) == 0 ? O_RDONLY : access & IPC_READ ? O_RDWR : O_WRONLY;
        Fd queue(::mq_open(name.text(), mode | O_CLOEXEC));
        if (!queue)
            return opening_error(errno, name);
        return std::make_unique<Channel>(std::move(queue));
    }

    Result<void> status(ipc_queue_status &status)
    {
        mq_attr sizes;
        struct statx file;
        if (::mq_getattr(queue_.get(), &sizes) != 0)
            return Error::system("its status cannot be read");
        if (int code = ipc::file_status(queue_.get(), file))
            return Error::system("its status cannot be read", code);
        status.features = features;
        status.messages = std::uint64_t(sizes.mq_curmsgs);
        status.bytes = sizes.mq_curmsgs ? IPC_UNKNOWN : 0;
        status.max_messages = std::uint64_t(sizes.mq_maxmsg);
        status.max_bytes = IPC_UNKNOWN;
        status.max_message_size = std::uint64_t(sizes.mq_msgsize);
        status.identity = identity_of_queue(file);
        status.name = nullptr;
        return {};
    }

    Result<void> send(const ipc_message &message, std::int64_t timeout)
    {
        unsigned priority = message.fields & IPC_QUEUE_PRIORITY ? message.priority : 0;
        if (priority > highest_priority || (message.fields & IPC_QUEUE_TYPE && message.type != 1))
            return field_error(message);
        const auto *bytes = static_cast<const char *>(message.bytes);
        const ssize_t sent = within(timeout, [&](const timespec *limit) -> ssize_t {
            return limit ? ::mq_timedsend(queue_.get(), bytes, message.length, priority, limit)
                         : ::mq_send(queue_.get(), bytes, message.length, priority);
        });
        return sent < 0 ? send_error(int(-sent), message.length, timeout) : Result<void>();
    }

    Result<void> receive(ipc_message &message, std::int64_t timeout)
    {
        auto *bytes = static_cast<char *>(message.bytes);
        const ssize_t length = within(timeout, [&](const timespec *limit) {
            return limit ? ::mq_timedreceive(queue_.get(), bytes, message.capacity, &message.priority, limit)
                         : ::mq_receive(queue_.get(), bytes, message.capacity, &message.priority);
        });
        if (length < 0)
            return receive_error(int(-length), message.capacity, timeout);
        message.length = std::uint64_t(length);
        message.fields = IPC_QUEUE_PRIORITY;
        return {};
    }

    Result<void> flush(std::int64_t) { return expect_reachable(0); }

    Result<void> put_back(const ipc_message &message)
    {
        IPC_TRY(expect_reachable(1));
        return send(message, 0);
    }

    Result<void> wait(std::uint32_t what, std::int64_t timeout)
    {
        pollfd descriptor = {queue_.get(), short(what == IPC_WAIT_MESSAGE ? POLLIN : POLLOUT), 0};
        const ipc::Deadline deadline(timeout);
        for (;;) {
            const std::optional<std::int64_t> left = deadline.left();
            const timespec most = ipc::timespec_of(left.value_or(0));
            const int ready = ::ppoll(&descriptor, 1, left ? &most : nullptr, nullptr);
            if (ready > 0)
                return {};
            if (ready == 0)
                return timeout ? Error::of(ETIMEDOUT, "timed out") : Error::of(EAGAIN, "it is not so yet");
            if (errno != EINTR || ipc::wait_is_interrupted())
                return Error::system("waiting for it");
        }
    }

private:
    /// The result of `call`, with a moment to end at or none, in the time given; or the negative errno value.
    template <typename Call> ssize_t within(std::int64_t timeout, Call &&call)
    {
        if (timeout == 0) {
            const ssize_t result = call(&at_once);
            return result < 0 ? -errno : result;
        }
        ssize_t result = -1;
        const auto attempt = [&] { return (result = call(nullptr)) < 0 ? -1 : 0; };
        const int code =
            ipc::call_until(ipc::Deadline(timeout), attempt, [this] { return ipc::removal_of(queue_.get()); });
        if (code == EIDRM) // what was sent before that is still taken
            result = call(&at_once);
        return code && result < 0 ? -code : result;
    }

    /// Who has it open keeps it, and who looks for it by its name does not find it. With those that wait in it.
    Result<void> expect_reachable(std::uint64_t more) const
    {
        if (!ipc::removal_of(queue_.get()))
            return {};
        mq_attr sizes = {};
        ::mq_getattr(queue_.get(), &sizes);
        return ipc::expect_reachable(queue_.get(), std::uint64_t(sizes.mq_curmsgs) + more);
    }

    static Result<mq_attr> wanted_sizes(std::uint64_t max_messages, std::uint64_t max_message_size)
    {
        constexpr std::uint64_t most = std::numeric_limits<long>::max();
        if (max_messages > most || max_message_size > most)
            return Error::of(EINVAL, "%" PRIu64 " messages of %" PRIu64 " bytes are more than a queue can have",
                             max_messages ? max_messages : std::uint64_t(default_sizes().mq_maxmsg), max_message_size);
        mq_attr sizes = {};
        if (!max_messages || !max_message_size)
            sizes = default_sizes();
        if (max_messages)
            sizes.mq_maxmsg = long(max_messages);
        if (max_message_size)
            sizes.mq_msgsize = long(max_message_size);
        return sizes;
    }

    static Error field_error(const ipc_message &message)
    {
        if (message.fields & IPC_QUEUE_TYPE && message.type != 1)
            return Error::of(EINVAL, "its messages have no types (use -p PRIORITY)");
        return Error::of(EINVAL, "priority %" PRIu32 " is out of range (0 to %" PRIu32 ")", message.priority,
                         highest_priority);
    }

    Error send_error(int code, std::uint64_t length, std::int64_t timeout) const
    {
        switch (code) {
        case ETIMEDOUT:
            return timeout ? Error::of(ETIMEDOUT, "timed out, the queue stayed full")
                           : Error::of(EAGAIN, "the queue is full");
        case EMSGSIZE:
            return Error::of(code,
                             "the message has %" PRIu64
                             " bytes and the queue takes at most %ld (create it with a larger "
                             "--max-size)",
                             length, message_size());
        case EBADF:
            return Error::of(code, "it is not open for sending");
        case EINTR:
            return Error::of(code, "stopped while waiting for room in the queue");
        case EIDRM:
            return ipc::removed_error("the queue");
        default:
            return Error::system("the message cannot be sent", code);
        }
    }

    Error receive_error(int code, std::uint64_t capacity, std::int64_t timeout) const
    {
        switch (code) {
        case ETIMEDOUT:
            return timeout ? Error::of(ETIMEDOUT, "timed out, the queue stayed empty")
                           : Error::of(EAGAIN, "the queue is empty");
        case EMSGSIZE:
            return Error::of(code, "messages may have %ld bytes and there is room for %" PRIu64, message_size(),
                             capacity);
        case EBADF:
            return Error::of(code, "it is not open for receiving");
        case EINTR:
            return Error::of(code, "stopped while waiting for a message");
        case EIDRM:
            return ipc::removed_error("the queue");
        default:
            return Error::system("no message can be received", code);
        }
    }

    long message_size() const
    {
        mq_attr sizes = {};
        ::mq_getattr(queue_.get(), &sizes);
        return sizes.mq_msgsize;
    }

    Fd queue_;
};

Result<void> check(const ipc_address &address) { return PosixName::check(address.name); }

/// A descriptor that says which queue has the name, and keeps its inode number from being used again.
Result<Fd> hold(const PosixName &name)
{
    int directory = queue_directory();
    Fd queue(directory >= 0 ? ::openat(directory, name.leaf(), O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1);
    if (!queue && directory < 0)
        queue = Fd(::mq_open(name.text(), O_RDONLY | O_CLOEXEC));
    if (!queue && errno == EACCES)
        queue = Fd(::mq_open(name.text(), O_WRONLY | O_CLOEXEC));
    if (!queue)
        return opening_error(errno, name);
    if (directory >= 0)
        return queue;
    char link[32];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", queue.get());
    return Fd(::open(link, O_PATH | O_CLOEXEC)); // which is no use of the queue
}

/// Counts how often a name is given up from now on, where there is a directory to watch.
class RemovalWatch {
public:
    explicit RemovalWatch(int directory) : events_(directory < 0 ? -1 : ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC))
    {
        char path[32];
        std::snprintf(path, sizeof path, "/proc/self/fd/%d", directory);
        // Creations too, or two removals that follow each other would be reported as one.
        if (events_ && ::inotify_add_watch(events_.get(), path, IN_CREATE | IN_DELETE | IN_ONLYDIR) < 0)
            events_ = Fd();
    }

    unsigned removals_of(std::string_view leaf)
    {
        alignas(inotify_event) char buffer[16384];
        unsigned count = 0;
        for (ssize_t length; events_ && (length = ::read(events_.get(), buffer, sizeof buffer)) > 0;)
            for (char *at = buffer; at < buffer + length;) {
                auto *event = reinterpret_cast<inotify_event *>(at);
                count += (event->mask & IN_DELETE) && event->len && leaf == event->name;
                at += sizeof *event + event->len;
            }
        return count;
    }

private:
    Fd events_;
};

/// A queue cannot be moved aside, as its file system has no rename. So the name is compared right before it is given
/// up; that it was given up and taken again in between can only be told afterwards.
Result<void> remove(const ipc_address &address, const ipc::Removal &removal)
{
    PosixName name(address.name);
    if (!removal.expected)
        return ::mq_unlink(name.text()) == 0 ? Result<void>() : ipc::removal_error(errno);
    RemovalWatch watch(queue_directory());
    Fd queue = IPC_TRY(hold(name));
    struct statx status;
    if (int code = ipc::file_status(queue.get(), status))
        return ipc::removal_error(code);
    if (!ipc::same_object(identity_of_queue(status), *removal.expected))
        return ipc::stale_error();
    std::optional<ipc::UnusedFile> proof;
    if (removal.unused)
        proof.emplace(IPC_TRY(ipc::UnusedFile::prove(queue.get())));
    if (removal.trial)
        return {};
    if (::mq_unlink(name.text()) != 0)
        return ipc::removal_error(errno);
    if (watch.removals_of(name.leaf()) > 1)
        return Error::of(ESTALE,
                         "the name was given to another queue at this very moment, and that one was removed too");
    return {};
}

constexpr ipc_queue_v1 queue = ipc::queue_table<Channel>();

const void *capability(const char *name)
{
    std::string_view wanted = name;
    if (wanted == IPC_QUEUE_1)
        return &queue;
    return wanted == IPC_INSPECT_1 ? &inspect : nullptr;
}

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "posix-mq",
    .summary = "POSIX message queues",
    .version = "1.0",
    .parameters = nullptr,
    .parameter_count = 0,
    .flags = 0,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = ipc::remove_always<remove>,
    .remove_unused = ipc::remove_unused<remove>,
};

} // namespace

} // namespace posix_mq

IPC_PLUGIN(posix_mq::plugin)
