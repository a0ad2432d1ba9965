// SPDX-License-Identifier: MIT
// fifo: named pipes, fifo(7).
#include "fifo.hpp"

#include <ipc/deadline.hpp>
#include <ipc/stream.hpp>

#include <algorithm>

namespace fifo {
namespace {

/// The FIFO of that name, without opening it: nobody notices, and what was planted in its place does no harm.
Result<Fd> hold(const char *path)
{
    Fd place(::open(path, O_PATH | link_flag(path, O_NOFOLLOW) | O_CLOEXEC));
    if (!place && (errno == ENOENT || errno == ENOTDIR))
        return Error::of(ENOENT, "there is none of that name (create it with mqmk)");
    if (!place)
        return Error::system("it cannot be looked up");
    struct statx status;
    if (int code = ipc::file_status(place.get(), status))
        return Error::system("it cannot be looked up", code);
    IPC_TRY(expect_fifo(status.stx_mode));
    return place;
}

/// The one that is held, whatever its name means by now.
int open_held(const Fd &place, int flags)
{
    char path[48];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", place.get());
    return ::open(path, flags | O_CLOEXEC);
}

Error opening_error(const Fd &place, int code)
{
    struct statx status;
    if (code == ENXIO || code == ETIMEDOUT)
        return Error::of(EAGAIN, "nobody reads it (start mqrecv, or wait)");
    if (code == EINTR)
        return Error::of(code, "stopped while waiting for a reader");
    if (code == EIDRM)
        return ipc::removed_error("the FIFO");
    if (code == EACCES && ipc::file_status(place.get(), status) == 0)
        return Error::of(code, "this user may not open it: it belongs to user %u and group %u and has mode %04o",
                         status.stx_uid, status.stx_gid, status.stx_mode & 07777u);
    return Error::system("it cannot be opened", code);
}

/// Like open(2) for writing, which waits for a reader, and for at most so long. An errno value is negative.
int open_waiting(const Fd &place, std::int64_t timeout)
{
    const bool named = !ipc::removal_of(place.get()); // what was named by /dev/fd need not be
    int descriptor = -1;
    const auto attempt = [&] { return (descriptor = open_held(place, O_WRONLY)) < 0 ? -1 : 0; };
    const int code =
        ipc::call_until(ipc::Deadline(timeout), attempt, [&] { return named ? ipc::removal_of(place.get()) : 0; });
    return code ? -code : descriptor;
}

/// Senders write a page at a time, so that records stay whole: in a larger pipe they wake the receiver less often. The
/// limits of this user may forbid it, and nobody's larger one is made smaller.
void widen(const Fd &reader)
{
    constexpr int wanted = 256 * 1024;
    if (::fcntl(reader.get(), F_GETPIPE_SZ) < wanted)
        (void)::fcntl(reader.get(), F_SETPIPE_SZ, wanted);
}

/// One end.
class End {
public:
    End(Fd place, Fd channel, bool once) : place_(std::move(place)), channel_(std::move(channel)), once_(once) {}

    static Result<void> create(const ipc_address &address, const ipc_ownership &ownership, ipc_identity &identity)
    {
        // For its owner alone until it has its group and exact mode.
        if (::mkfifo(address.name, 0600 & ownership.mode) != 0)
            return creation_error(address.name, errno);
        Fd place = IPC_TRY(hold(address.name));
        struct statx status;
        if (Result<void> owned = own(place, ownership); !owned) {
            ::unlink(address.name);
            return owned;
        }
        if (int code = ipc::file_status(place.get(), status))
            return Error::system("it cannot be looked up", code);
        identity = ipc::identity_of(status);
        return {};
    }

    static Result<std::unique_ptr<End>> listen(const ipc_address &address, ipc_channel &channel)
    {
        Fd place = IPC_TRY(hold(address.name));
        Fd reader(open_held(place, O_RDONLY | O_NONBLOCK));
        if (!reader)
            return opening_error(place, errno);
        widen(reader);
        channel.descriptor = reader.get();
        return std::make_unique<End>(std::move(place), std::move(reader), ipc::parameter_is_set(address, "once"));
    }

    static Result<std::unique_ptr<End>> connect(const ipc_address &address, std::int64_t timeout, ipc_channel &channel)
    {
        Fd place = IPC_TRY(hold(address.name));
        Fd writer(open_held(place, O_WRONLY | O_NONBLOCK));
        int code = writer ? 0 : errno;
        if (code == ENXIO && timeout != 0) {
            const int opened = open_waiting(place, timeout);
            writer = Fd(std::max(opened, -1));
            code = std::max(-opened, 0);
        }
        if (code)
            return opening_error(place, code);
        if (::fcntl(writer.get(), F_SETFL, O_NONBLOCK) != 0)
            return Error::system("it cannot be made not to block");
        channel.descriptor = writer.get();
        channel.atomic = PIPE_BUF;
        return std::make_unique<End>(std::move(place), std::move(writer), false);
    }

    /// A new opening of the FIFO waits for the next writers, while the old one says for ever that there are none. The
    /// new one comes before the old one goes, so that a writer in between finds a reader.
    Result<void> renew()
    {
        if (once_)
            return Error::of(ENODATA, "its writers are gone, and once=1 asks to end there");
        Fd reader(open_held(place_, O_RDONLY | O_NONBLOCK));
        if (!reader)
            return opening_error(place_, errno);
        if (::dup3(reader.get(), channel_.get(), O_CLOEXEC) < 0)
            return Error::system("dup3");
        return {};
    }

    Result<void> find() const
    {
        return named_ && ipc::removal_of(place_.get()) ? ipc::removed_error("the FIFO") : Result<void>();
    }

private:
    /// With descriptors alone this takes an opening, which others would notice.
    static Result<void> own(const Fd &place, const ipc_ownership &ownership)
    {
        char path[48];
        std::snprintf(path, sizeof path, "/proc/self/fd/%d", place.get());
        if ((ownership.owner >= 0 || ownership.group >= 0) &&
            ::chown(path, uid_t(ownership.owner), gid_t(ownership.group)) != 0)
            return Error::of(errno, "its owner or group cannot be set: %s (root may give it to anybody)",
                             std::strerror(errno));
        if (::chmod(path, mode_t(ownership.mode & 07777)) != 0)
            return Error::system("its mode cannot be set");
        return {};
    }

    static Error creation_error(const char *path, int code)
    {
        struct statx status;
        if (code == EEXIST && ipc::file_status(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, status) == 0) {
            if (Result<void> there = expect_fifo(status.stx_mode); !there)
                return there.error();
            return Error::of(code, "there is one of that name already (remove it with mqrm, or use --reuse)");
        }
        return Error::of(code, "it cannot be created: %s (the path must lead to a directory that this user may write)",
                         std::strerror(code));
    }

    Fd place_, channel_;
    bool once_;
    bool named_ = !ipc::removal_of(place_.get()); // what /dev/fd names need not be
};

Result<void> check(const ipc_address &address)
{
    std::string_view path = address.name;
    if (path.empty())
        return Error::of(EINVAL, "a path is missing (write one like /tmp/jobs)");
    if (path.ends_with('/'))
        return Error::of(EINVAL, "the path ends in a slash and so means a directory (write one like /tmp/jobs)");
    if (path.size() >= PATH_MAX)
        return Error::of(EINVAL, "the path has %zu bytes (at most %d are allowed)", path.size(), PATH_MAX - 1);
    return ipc::check_switch(address, "once");
}

Result<void> remove(const ipc_address &address, const ipc::Removal &removal)
{
    ipc::FilePlace place = IPC_TRY(ipc::open_place(address.name));
    return ipc::remove_file(place.directory.get(), place.leaf, removal, expect_fifo);
}

constexpr ipc_stream_v1 stream = ipc::stream_table<End>();

const void *capability(const char *name)
{
    std::string_view wanted = name;
    if (wanted == IPC_STREAM_1)
        return &stream;
    return wanted == IPC_INSPECT_1 ? &inspect : nullptr;
}

constexpr ipc_parameter_info parameters[] = {
    {"once", nullptr, "receiving ends when all writers have closed it, instead of waiting for others"},
};

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "fifo",
    .summary = "named pipes",
    .version = "1.0",
    .parameters = parameters,
    .parameter_count = std::size(parameters),
    .flags = IPC_PLUGIN_PATHS,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = ipc::remove_always<remove>,
    .remove_unused = ipc::remove_unused<remove>,
};

} // namespace
} // namespace fifo

IPC_PLUGIN(fifo::plugin)
