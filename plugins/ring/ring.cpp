// SPDX-License-Identifier: MIT
// ring: the queues in shared memory of ipc/ring.hpp, which programs use without any of this.
#include "ring.hpp"

#include <ipc/queue.hpp>

namespace {

using ipc::Error;
using ipc::Fd;
using ipc::Result;
using ipc::Ring;
using ring_plugin::HeldRing;

/// "1M", "64KiB", "65536": bytes; 0 if it is no size.
std::uint64_t size_parameter(const char *text)
{
    if (*text < '0' || *text > '9')
        return 0;
    char *end = nullptr;
    errno = 0;
    const unsigned long long number = std::strtoull(text, &end, 10);
    const std::string_view unit = end;
    const std::string_view letter = unit.substr(0, 1);
    const int shift = letter.empty() ? 0 : letter == "K" ? 10 : letter == "M" ? 20 : letter == "G" ? 30 : -1;
    if (errno || shift < 0 || (unit.size() > 1 && unit.substr(1) != "iB") || number > UINT64_MAX >> shift)
        return 0;
    return number << shift;
}

Error field_error(const ipc_message &message)
{
    if (message.fields & IPC_QUEUE_TYPE && message.type != 1)
        return Error::of(EINVAL, "its messages have no types (leave -t out)");
    return Error::of(EINVAL, "its messages have no priorities (leave -p out)");
}

/// `call(timeout)`, and again for the rest of the time after a signal that was no request to stop.
template <typename Call> auto until_stopped(std::int64_t timeout, Call &&call)
{
    const ipc::Deadline deadline(timeout);
    for (;;) {
        const std::int64_t left = deadline.timeout();
        auto result = call(left == 0 && !deadline.at_once() ? 1 : left); // 0 would not be a wait that was in vain
        if (result || result.error().code() != EINTR || ipc::wait_is_interrupted())
            return result;
    }
}

class Channel {
public:
    static constexpr std::uint32_t features = IPC_QUEUE_FRONT | IPC_QUEUE_MAPPED | IPC_QUEUE_FILES;

    Channel(Ring ring, bool looks) : ring_(std::move(ring)), looks_(looks) { note_part(); }
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;
    ~Channel() { note_part(); }

    static Result<std::unique_ptr<Channel>> create(const ipc_address &address, std::uint64_t max_messages,
                                                   std::uint64_t max_message_size, const ipc_ownership &ownership)
    {
        if (HeldRing::parse(address.name))
            return Error::of(EINVAL, "that names a ring which a process has open (give a new one a name like /feed)");
        const char *size = ipc::parameter(address, "size");
        const ipc::RingLimits limits = {size ? size_parameter(size) : 0, max_messages, max_message_size};
        return std::make_unique<Channel>(IPC_TRY(Ring::create(address.name, limits, ownership)), false);
    }

    static Result<std::unique_ptr<Channel>> open(const ipc_address &address, std::uint32_t access)
    {
        const std::optional<HeldRing> held = HeldRing::parse(address.name);
        Fd file = held ? IPC_TRY(held->hold()) : Fd();
        Ring ring = IPC_TRY(held ? Ring::adopt(std::move(file), access) : Ring::open(address.name, access));
        const char *size = ipc::parameter(address, "size");
        if (const std::uint64_t wanted = size ? size_parameter(size) : 0; wanted > ring.overview().capacity)
            return Error::of(EINVAL,
                             "the ring has %" PRIu64 " bytes, fewer than the %" PRIu64 " wanted (remove it, or leave "
                             "?size out)",
                             ring.overview().capacity, wanted);
        return std::make_unique<Channel>(std::move(ring), access == IPC_READ);
    }

    Result<void> status(ipc_queue_status &status)
    {
        struct statx file;
        if (int code = ipc::file_status(ring_.descriptor(), file))
            return Error::system("its status cannot be read", code);
        const ipc::ring::Overview overview = ring_.overview();
        status.features = features;
        status.messages = overview.messages;
        status.bytes = overview.bytes;
        status.max_messages = overview.max_messages ? overview.max_messages : IPC_UNKNOWN;
        status.max_bytes = overview.capacity;
        status.max_message_size = overview.max_message_size;
        status.identity = ipc::identity_of(file);
        status.name = nullptr;
        return {};
    }

    Result<void> send(const ipc_message &message, std::int64_t timeout)
    {
        if ((message.fields & IPC_QUEUE_PRIORITY && message.priority) ||
            (message.fields & IPC_QUEUE_TYPE && message.type != 1))
            return field_error(message);
        return until_stopped(timeout, [&](std::int64_t left) { return ring_.send(bytes_of(message), left); });
    }

    Result<void> receive(ipc_message &message, std::int64_t timeout)
    {
        if (looks_)
            IPC_TRY(take_part());
        const std::span room(static_cast<std::byte *>(message.bytes), message.capacity);
        message.length = IPC_TRY(until_stopped(timeout, [&](std::int64_t left) { return ring_.receive(room, left); }));
        message.fields = 0;
        return {};
    }

    Result<void> peek(std::uint64_t index, ipc_message &message)
    {
        message.length = IPC_TRY(ring_.peek(index, {static_cast<std::byte *>(message.bytes), message.capacity}));
        message.fields = 0;
        return {};
    }

    Result<void> flush(std::int64_t) { return expect_reachable(0); }

    Result<void> put_back(const ipc_message &message)
    {
        IPC_TRY(expect_reachable(1));
        return ring_.put_back(bytes_of(message));
    }

private:
    static Ring::Bytes bytes_of(const ipc_message &message)
    {
        return {static_cast<const std::byte *>(message.bytes), message.length};
    }

    /// With those that wait in it.
    Result<void> expect_reachable(std::uint64_t more) const
    {
        return ring_.is_removed() ? ipc::expect_reachable(ring_.descriptor(), ring_.overview().messages + more)
                                  : Result<void>();
    }

    /// Who opens a queue for reading may only want to look, and then leaves no trace and needs no right to write. Who
    /// receives does.
    Result<void> take_part()
    {
        ring_ = IPC_TRY(Ring::adopt(Fd(::fcntl(ring_.descriptor(), F_DUPFD_CLOEXEC, 0))));
        looks_ = false;
        note_part();
        return {};
    }

    void note_part() const
    {
        if (!looks_)
            ipc::note_use(ring_.descriptor());
    }

    Ring ring_;
    bool looks_;
};

Result<void> check(const ipc_address &address)
{
    if (!HeldRing::parse(address.name))
        IPC_TRY(ipc::ring::check_name(address.name));
    const char *size = ipc::parameter(address, "size");
    if (size && size_parameter(size) == 0)
        return Error::of(EINVAL, "size is that of the ring in bytes (write one like ?size=64K or ?size=1M)");
    return {};
}

Result<void> remove(const ipc_address &address, const ipc::Removal &removal)
{
    if (HeldRing::parse(address.name))
        return Error::of(EINVAL, "it goes when the last process that has it open lets go (end them)");
    Fd directory(::open(ipc::ring::directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return Error::system(ipc::ring::directory);
    return ipc::remove_file(directory.get(), ipc::ring::FileName(address.name).leaf(), removal);
}

constexpr ipc_queue_v1 queue = ipc::queue_table<Channel>();

const void *capability(const char *name)
{
    const std::string_view wanted = name;
    if (wanted == IPC_QUEUE_1)
        return &queue;
    return wanted == IPC_INSPECT_1 ? &ring_plugin::inspect : nullptr;
}

constexpr ipc_parameter_info parameters[] = {
    {"size", "SIZE", "bytes of a ring that is created, rounded up to a power of two; 1M if nothing is said"},
};

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "ring",
    .summary = "message rings in shared memory",
    .version = "1.0",
    .parameters = parameters,
    .parameter_count = std::size(parameters),
    .flags = 0,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = ipc::remove_always<remove>,
    .remove_unused = ipc::remove_unused<remove>,
};

} // namespace

IPC_PLUGIN(plugin)
