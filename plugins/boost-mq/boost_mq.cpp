// SPDX-License-Identifier: MIT
// boost-mq: message queues of Boost.Interprocess, files in /dev/shm. Messages are sent and received beside Boost's
// programs under the queue's own lock, by code that believes nothing of what lies in the queue.
#include "boost_mq.hpp"

#include "contents.hpp"
#include "glance.hpp"
#include "lock.hpp"
#include "waiting.hpp"

#include <ipc/descriptor_segment.hpp>
#include <ipc/queue.hpp>
#include <ipc/shm_directory.hpp>

namespace {

using boost_mq::Contents;
using boost_mq::Glance;
using boost_mq::Header;
using boost_mq::Layout;
using boost_mq::Lock;
using ipc::Error;
using ipc::Fd;
using ipc::PosixName;
using ipc::Result;

constexpr const char *place = ipc::shm_directory;
constexpr std::uint64_t default_messages = 100, default_size = 8192;
/// Messages that are sent or received while the lock is held once: others shall not have to sleep for it.
constexpr std::uint64_t messages_at_once = 16;
/// Nanoseconds that a lock may be held, or a library may take, before something is wrong.
constexpr std::int64_t patience = 1'000'000'000;

class Mapping {
public:
    Mapping() = default;
    Mapping(void *address, std::uint64_t bytes) : address_(address), bytes_(bytes) {}
    Mapping(Mapping &&other) noexcept : address_(std::exchange(other.address_, nullptr)), bytes_(other.bytes_) {}
    Mapping &operator=(Mapping &&other) noexcept
    {
        std::swap(address_, other.address_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~Mapping()
    {
        if (address_)
            ::munmap(address_, bytes_);
    }
    static Result<Mapping> create(int descriptor, std::uint64_t bytes, int protection)
    {
        void *address = ::mmap(nullptr, bytes, protection, MAP_SHARED, descriptor, 0);
        if (address == MAP_FAILED)
            return Error::of(errno, "its %" PRIu64 " bytes cannot be mapped: %s", bytes, std::strerror(errno));
        return Mapping(address, bytes);
    }
    void *get() const { return address_; }

private:
    void *address_ = nullptr;
    std::uint64_t bytes_ = 0;
};

class Channel {
public:
    static constexpr std::uint32_t features = IPC_QUEUE_PRIORITY | IPC_QUEUE_FILES;

    Channel(const PosixName &name, Fd file, const Layout &layout)
        : name_(name), file_(std::move(file)), layout_(layout), contents_(nullptr, layout)
    {
    }

    static Result<std::unique_ptr<Channel>> create(const ipc_address &address, std::uint64_t max_messages,
                                                   std::uint64_t max_message_size, const ipc_ownership &ownership);
    static Result<std::unique_ptr<Channel>> open(const ipc_address &address, std::uint32_t access);

    Result<void> status(ipc_queue_status &status);
    Result<void> send_many(std::span<const ipc_message> messages, std::uint64_t &sent, std::int64_t timeout);
    Result<void> receive_many(ipc::MessageRoom &room, std::int64_t timeout);
    Result<void> send(const ipc_message &message, std::int64_t timeout)
    {
        std::uint64_t sent = 0;
        return send_many({&message, 1}, sent, timeout);
    }
    Result<void> receive(ipc_message &message, std::int64_t timeout)
    {
        std::uint64_t received = 0;
        ipc::MessageRoom room(&message, 1, 1, 0, received);
        return receive_many(room, timeout);
    }
    Result<void> peek(std::uint64_t index, ipc_message &message);
    Result<void> flush(std::int64_t) { return expect_reachable(0); }
    Result<void> put_back(const ipc_message &message)
    {
        IPC_TRY(expect_reachable(1));
        return send(message, 0);
    }

private:
    /// What a message must not meet: a full queue when it is sent, an empty one when it is received.
    using Obstacle = bool (Contents::*)() const;

    Result<void> map_writable();
    template <Obstacle obstacle, typename Work> Result<void> with_lock(std::int64_t timeout, Work work);
    template <Obstacle obstacle> int enter(std::int64_t timeout);
    int loss() const;
    Result<void> expect_reachable(std::uint64_t more);
    void release_after_fault();
    void wake(unsigned char *condition, std::uint64_t waiting);
    Result<void> check(const ipc_message &message) const;
    Error failure(int code, Obstacle obstacle, std::int64_t timeout);
    Error lock_failure(std::int64_t timeout);

    PosixName name_;
    Fd file_;
    Layout layout_;
    Mapping memory_; // for writing
    Contents contents_;
    Mapping view_; // for reading alone
    std::optional<Glance> glance_;
    Lock lock_;
    bool is_stuck_ = false; // one of its condition variables
};

Result<std::unique_ptr<Channel>> Channel::create(const ipc_address &address, std::uint64_t max_messages,
                                                 std::uint64_t max_message_size, const ipc_ownership &ownership)
{
    const PosixName name(address.name);
    const auto layout =
        Layout::of(max_messages ? max_messages : default_messages, max_message_size ? max_message_size : default_size);
    if (!layout)
        return Error::of(EINVAL, "%" PRIu64 " messages of %" PRIu64 " bytes are more than a queue can have",
                         max_messages, max_message_size);
    const Fd directory = IPC_TRY(ipc::open_shm_directory());
    IPC_TRY(ipc::expect_memory(directory.get()));
    Fd file =
        IPC_TRY(ipc::create_file(directory.get(), name.leaf(), layout->bytes, ownership, place,
                                 [&](int descriptor, std::uint64_t) { return boost_mq::build(descriptor, *layout); }));
    return std::make_unique<Channel>(name, std::move(file), *layout);
}

Result<std::unique_ptr<Channel>> Channel::open(const ipc_address &address, std::uint32_t access)
{
    const PosixName name(address.name);
    Fd file = IPC_TRY(ipc::open_file(ipc::ShmPath(name).text(), access, O_NOFOLLOW));
    struct stat status;
    if (::fstat(file.get(), &status) != 0)
        return Error::system("its size cannot be read");
    const Header header = IPC_TRY(boost_mq::read_header(file.get(), std::uint64_t(status.st_size)));
    const Layout layout = IPC_TRY(boost_mq::check_header(header, std::uint64_t(status.st_size)));
    return std::make_unique<Channel>(name, std::move(file), layout);
}

/// Opened for reading only, it is opened once more: receiving writes too.
Result<void> Channel::map_writable()
{
    if ((::fcntl(file_.get(), F_GETFL) & O_ACCMODE) != O_RDWR) {
        Fd again = IPC_TRY(ipc::open_file(ipc::ShmPath(name_).text(), IPC_READ | IPC_WRITE, O_NOFOLLOW));
        struct stat before, now;
        if (::fstat(file_.get(), &before) != 0 || ::fstat(again.get(), &now) != 0 || before.st_dev != now.st_dev ||
            before.st_ino != now.st_ino)
            return ipc::stale_error();
        file_ = std::move(again);
    }
    memory_ = IPC_TRY(Mapping::create(file_.get(), layout_.bytes, PROT_READ | PROT_WRITE));
    contents_ = Contents(memory_.get(), layout_);
    return {};
}

Result<void> Channel::status(ipc_queue_status &status)
{
    struct statx file;
    if (const int code = ipc::file_status(file_.get(), file))
        return Error::system("its status cannot be read", code);
    const Header header = IPC_TRY(boost_mq::read_header(file_.get(), file.stx_size));
    IPC_TRY(boost_mq::check_state(layout_, header.count, header.first));
    status.features = features;
    status.messages = header.count;
    status.bytes = header.count ? IPC_UNKNOWN : 0;
    status.max_messages = layout_.max_messages;
    status.max_bytes = IPC_UNKNOWN;
    status.max_message_size = layout_.max_message_size;
    status.identity = ipc::identity_of(file);
    status.name = nullptr;
    return {};
}

/// 0 if the queue is as it was when it was opened: EIDRM if it was removed, EFAULT if its file was made shorter.
int Channel::loss() const
{
    struct stat status;
    if (::fstat(file_.get(), &status) == 0 && std::uint64_t(status.st_size) < layout_.bytes)
        return EFAULT;
    return ipc::removal_of(file_.get());
}

/// With those that wait in it.
Result<void> Channel::expect_reachable(std::uint64_t more)
{
    if (!ipc::removal_of(file_.get()))
        return {};
    const Header header = IPC_TRY(boost_mq::read_header(file_.get(), layout_.bytes));
    return ipc::expect_reachable(file_.get(), header.count + more);
}

/// Take the lock at a moment when the obstacle is not there. 0 or an errno value: EAGAIN or ETIMEDOUT if it stayed,
/// EBUSY if the lock did. Waits without it.
template <Channel::Obstacle obstacle> int Channel::enter(std::int64_t timeout)
{
    const ipc::Deadline deadline(timeout == 0 ? patience : timeout);
    ipc::SharedMutex &mutex = contents_.header().mutex;
    for (boost_mq::Pauses pauses;;) {
        int code = Lock::examine(mutex);
        if (code)
            return code;
        if (contents_.count() > layout_.max_messages)
            return EBADMSG;
        if ((contents_.*obstacle)()) {
            code = timeout == 0 ? EAGAIN : loss();
            if (code == EIDRM && !(contents_.*obstacle)()) // what was sent before it was removed
                continue;
            if (!code)
                code = pauses.pause(deadline);
            if (code)
                return code;
            continue;
        }
        code = lock_.take(mutex, ipc::Deadline(deadline.left_within(patience)));
        if (code == ETIMEDOUT && !deadline.over()) {
            code = loss();
            if (!code)
                continue;
        }
        if (code)
            return code == ETIMEDOUT ? EBUSY : code;
        if (!(contents_.*obstacle)())
            return 0;
        lock_.give_back(mutex);
    }
}

/// Work under the lock, once the obstacle is not there.
template <Channel::Obstacle obstacle, typename Work> Result<void> Channel::with_lock(std::int64_t timeout, Work work)
{
    int code = 0;
    Result<void> done;
    const int fault = ipc::attempt(memory_.get(), layout_.bytes, IPC_FOREVER, [&] {
        code = enter<obstacle>(timeout);
        if (code)
            return;
        done = work();
        lock_.give_back(contents_.header().mutex);
    });
    if (fault) {
        release_after_fault();
        code = EFAULT;
    }
    return code ? failure(code, obstacle, timeout) : done;
}

/// The lock may lie in the part that is still there, and others shall not wait for it.
void Channel::release_after_fault()
{
    if (lock_.is_held())
        (void)ipc::attempt(memory_.get(), layout_.bytes, IPC_FOREVER,
                           [&] { lock_.give_back(contents_.header().mutex); });
}

Result<void> Channel::check(const ipc_message &message) const
{
    if (message.fields & IPC_QUEUE_TYPE && message.type != 1)
        return Error::of(EINVAL, "its messages have no types (use -p PRIORITY)");
    if (message.length > layout_.max_message_size)
        return Error::of(EMSGSIZE,
                         "the message has %" PRIu64 " bytes and the queue takes at most %" PRIu64
                         " (create it with a larger --max-size)",
                         message.length, layout_.max_message_size);
    return {};
}

Result<void> Channel::send_many(std::span<const ipc_message> messages, std::uint64_t &sent, std::int64_t timeout)
{
    if (!memory_.get())
        IPC_TRY(map_writable());
    while (sent < messages.size()) {
        IPC_TRY(check(messages[sent]));
        const std::uint64_t before = sent, end = std::min<std::uint64_t>(messages.size(), sent + messages_at_once);
        std::uint64_t waiting = 0; // of Boost's programs
        const Result<void> done = with_lock<&Contents::is_full>(timeout, [&]() -> Result<void> {
            waiting = boost_mq::load(contents_.header().blocked_receivers);
            do {
                const ipc_message &message = messages[sent];
                IPC_TRY(contents_.insert(message, message.fields & IPC_QUEUE_PRIORITY ? message.priority : 0));
                ++sent;
            } while (sent < end && !contents_.is_full() && check(messages[sent]));
            return {};
        });
        wake(contents_.header().not_empty, std::min(waiting, sent - before));
        IPC_TRY(done);
    }
    return {};
}

Result<void> Channel::receive_many(ipc::MessageRoom &room, std::int64_t timeout)
{
    if (!memory_.get())
        IPC_TRY(map_writable());
    for (bool has_room = true; has_room; timeout = 0) {
        std::uint64_t taken = 0, waiting = 0;
        const Result<void> done = with_lock<&Contents::is_empty>(timeout, [&]() -> Result<void> {
            waiting = boost_mq::load(contents_.header().blocked_senders);
            do {
                IPC_TRY(contents_.take(room.next()));
                room.next().fields = IPC_QUEUE_PRIORITY;
                has_room = room.keep();
            } while (++taken < messages_at_once && has_room && !contents_.is_empty());
            return {};
        });
        wake(contents_.header().not_full, std::min(waiting, taken));
        IPC_TRY(done);
    }
    return {};
}

/// What a process that died while it waited has left may hold the library up for ever.
void Channel::wake(unsigned char *condition, std::uint64_t waiting)
{
    if (!waiting || is_stuck_)
        return;
    const int failed = ipc::attempt(memory_.get(), layout_.bytes, patience, [=] {
        for (std::uint64_t i = 0; i < waiting; ++i)
            ::pthread_cond_signal(reinterpret_cast<pthread_cond_t *>(condition));
    });
    if (failed != -ETIMEDOUT)
        return;
    is_stuck_ = true;
    ipc::host->notice(
        "programs that wait at the queue cannot be woken, since one died while it waited; Boost's own hang "
        "when they try (mqrm --rescue OUTFILE saves the messages)");
}

Result<void> Channel::peek(std::uint64_t index, ipc_message &message)
{
    if (!glance_) {
        if (!memory_.get())
            view_ = IPC_TRY(Mapping::create(file_.get(), layout_.bytes, PROT_READ));
        glance_.emplace(view_.get() ? view_.get() : memory_.get(), layout_);
    }
    return glance_->peek(index, message);
}

Error Channel::failure(int code, Obstacle obstacle, std::int64_t timeout)
{
    const bool sending = obstacle == &Contents::is_full;
    switch (code) {
    case EAGAIN:
        return Error::of(code, "the queue is %s", sending ? "full" : "empty");
    case ETIMEDOUT:
        return Error::of(code, "timed out, the queue stayed %s", sending ? "full" : "empty");
    case EINTR:
        return Error::of(code, "stopped while waiting for %s", sending ? "room in the queue" : "a message");
    case EFAULT:
        return Error::of(EIO, "the memory of the queue is gone: somebody made it smaller");
    case EIDRM:
        return ipc::removed_error("the queue");
    case EOWNERDEAD:
        return boost_mq::left_error();
    case EBUSY:
        return lock_failure(timeout);
    case EBADMSG:
        return boost_mq::damaged("it says that more messages wait than the %" PRIu64 " that it takes",
                                 layout_.max_messages);
    default:
        return boost_mq::damaged("its lock is of a kind that Boost does not make");
    }
}

Error Channel::lock_failure(std::int64_t timeout)
{
    const Result<Header> header = boost_mq::read_header(file_.get(), layout_.bytes);
    std::string state = header ? ipc::state_of(header->mutex) : "";
    if (state.empty())
        state = "never free";
    return Error::of(timeout ? ETIMEDOUT : EAGAIN, "the lock of the queue is %s (wait longer, or end that process)",
                     state.c_str());
}

Result<void> check(const ipc_address &address) { return PosixName::check(address.name); }

/// Other memory may have that name. What this user may not read is told by the directory's rights.
Result<void> expect_queue(const PosixName &name)
{
    struct statx status;
    const ipc::ShmPath path(name);
    if (ipc::file_status(AT_FDCWD, path.text(), AT_SYMLINK_NOFOLLOW, status) != 0 || !S_ISREG(status.stx_mode))
        return {};
    const Fd file = ipc::open_unnoticed(AT_FDCWD, path.text(), status);
    const Result<boost_mq::Header> header = boost_mq::read_header(file.get(), file ? status.stx_size : 0);
    if (!file || (header && is_recognized(header.value(), status.stx_size)))
        return {};
    return Error::of(EINVAL, "it is no queue of Boost, or damaged (shmrm removes posix-shm:%s)", name.text());
}

Result<void> remove(const ipc_address &address, const ipc::Removal &removal)
{
    IPC_TRY(expect_queue(PosixName(address.name)));
    const Fd directory = IPC_TRY(ipc::open_shm_directory());
    return ipc::remove_file(directory.get(), PosixName(address.name).leaf(), removal);
}

constexpr ipc_queue_v1 queue = ipc::queue_table<Channel>();

const void *capability(const char *name)
{
    const std::string_view wanted = name;
    if (wanted == IPC_QUEUE_1)
        return &queue;
    return wanted == IPC_INSPECT_1 ? &boost_mq::inspect : nullptr;
}

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "boost-mq",
    .summary = "message queues of Boost.Interprocess",
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

IPC_PLUGIN(plugin)
