// SPDX-License-Identifier: MIT
// ipc/ring_opening.hpp - the functions of ipc/ring.hpp that open, wait and explain errors; it includes this.
#pragma once

#include <ipc/ring.hpp>

namespace ipc {

// ---- opening ----

inline Result<Ring> Ring::create(std::string_view name, const RingLimits &limits, const ipc_ownership &ownership)
{
    IPC_TRY(ring::check_name(name));
    const ring::Header header = IPC_TRY(ring::plan(limits));
    Fd directory(::open(ring::directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return Error::system(ring::directory);
    // Without a name until it is complete: nobody finds half a ring, and none is left behind.
    Fd file(::openat(directory.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    const ring::FileName path(name);
    if (!file)
        return creation_error(errno, directory.get(), ring::directory);
    IPC_TRY(reserve(file.get(), 0, header.total, ring::directory));
    if (::pwrite(file.get(), &header, sizeof header, 0) != ssize_t(sizeof header))
        return Error::system("it cannot be written");
    IPC_TRY(set_ownership(file.get(), ownership));
    if (const int code = link_file(file.get(), directory.get(), path.leaf()))
        return creation_error(code, directory.get(), ring::directory);
    return over(reopen_by_name(std::move(file), directory.get(), path.leaf()), IPC_READ | IPC_WRITE);
}

inline Result<Ring> Ring::open(std::string_view name, std::uint32_t access)
{
    IPC_TRY(ring::check_name(name));
    const std::uint32_t needed = access & IPC_WRITE ? access | IPC_READ : access;
    return over(IPC_TRY(open_file(ring::FileName(name).path(), needed, O_NOFOLLOW)), needed);
}

inline Result<Ring> Ring::adopt(Fd file, std::uint32_t access)
{
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", file.get());
    const std::uint32_t needed = access & IPC_WRITE ? access | IPC_READ : access;
    return over(IPC_TRY(open_file(path, needed, 0)), needed);
}

inline Result<void> Ring::format(int file, const RingLimits &limits)
{
    const ring::Header header = IPC_TRY(ring::plan(limits));
    struct stat status;
    if (::fstat(file, &status) != 0)
        return Error::system("its size cannot be read");
    if (status.st_size != 0)
        return Error::of(EEXIST, "the file is not empty (use a new one)");
    if (::ftruncate(file, off_t(header.total)) != 0)
        return Error::system("the file cannot be made long enough");
    if (::pwrite(file, &header, sizeof header, 0) != ssize_t(sizeof header))
        return Error::system("the file cannot be written");
    return {};
}

inline Result<Ring> Ring::over(Fd file, std::uint32_t access)
{
    const ring::Header header = IPC_TRY(ring::read_header(file.get()));
    const bool writable = access & IPC_WRITE;
    ring::Mapping mapping = IPC_TRY(ring::Mapping::map(file.get(), header, writable));
    Ring ring(std::move(file), header, std::move(mapping), writable);
    if (writable && !ring.presence_->number())
        return Error::of(ENOLCK, "the kernel grants no lock on its file");
    return ring;
}

inline Ring::Ring(Fd file, const ring::Header &header, ring::Mapping mapping, bool writable)
    : file_(writable ? Fd() : std::move(file)),
      presence_(writable ? std::make_unique<ring::Presence>(std::move(file)) : nullptr), header_(header),
      mapping_(std::move(mapping)), shared_(reinterpret_cast<ring::Shared *>(mapping_.base())),
      data_(mapping_.base() + header.data_offset), mask_(header.capacity - 1),
      group_(std::min<std::uint64_t>(header.capacity / 8, 8192))
{
}

inline Ring::~Ring()
{
    if (presence_ && sender_lock_.held(*presence_))
        sender_lock_.unlock(shared_->sender.gate);
    if (presence_ && receiver_lock_.held(*presence_))
        receiver_lock_.unlock(shared_->receiver.gate);
}

/// Looked at after a sleep in which nobody came: whoever makes the file shorter takes memory away from under us.
inline bool Ring::is_whole() const
{
    struct stat status;
    return ::fstat(descriptor(), &status) == 0 && std::uint64_t(status.st_size) >= header_.total;
}

/// Attempt until it is not EAGAIN, in the time given. `ready` tells, without the lock, when to try again.
template <typename Attempt, typename Ready>
int Ring::wait_until(Attempt &&attempt, Ready &&ready, ring::End &own, const ring::End &other, ring::Spinner &spinner,
                     std::int64_t timeout)
{
    const Deadline deadline(timeout);
    for (unsigned naps = 0;;) {
        if (spinner.spin(ready, other.bell.processors.load(std::memory_order_relaxed))) {
            if (const int code = attempt(); code != EAGAIN)
                return code;
            if (deadline.over())
                return ETIMEDOUT;
            continue;
        }
        ring::Sleeper sleeper(own.bell);
        if (ready())
            if (const int code = attempt(); code != EAGAIN)
                return code;
        if (deadline.over())
            return ETIMEDOUT;
        switch (sleeper.sleep(ring::nap(deadline, naps))) {
        case EINTR:
            return EINTR;
        case EFAULT:
            return ESTALE;
        case ETIMEDOUT:
            naps++;
            if (!is_whole())
                return ESTALE;
            {
                const bool removed = presence_->removal(); // before the last look
                const int code = attempt();                // in case that `ready` is not all there is to it
                if (code != EAGAIN || removed)
                    return code == EAGAIN ? EIDRM : code;
            }
            break;
        default:
            naps = 0;
        }
    }
}

// ---- errors ----

[[gnu::cold, gnu::noinline]] inline Error Ring::common_error(int code, const ring::End &end, const char *what,
                                                             std::int64_t timeout) const
{
    switch (code) {
    case EBUSY:
        return Error::of(timeout ? ETIMEDOUT : EAGAIN,
                         "process %" PRIu32 " holds the end that %s and does not let go (see what stops it, or end it)",
                         end.gate.process.load(std::memory_order_relaxed), what);
    case EINTR:
        return Error::of(code, "interrupted");
    case EDEADLK:
        return Error::of(code, "this opener holds the end that %s already (commit, take or give up first)", what);
    case EBADF:
        return presence_ ? Error::of(code, "it was opened before a fork and cannot be opened again (is /proc mounted?)")
                         : Error::of(code, "it is open for looking only, since sending and receiving take the right to "
                                           "read and write its file");
    case EIDRM:
        return removed_error("the ring");
    case ESTALE:
    case EFAULT:
        return Error::of(ESTALE, "its file was made shorter by somebody (remove it and create it again)");
    case EBADMSG:
        return Error::of(code, "the ring is damaged: what its memory says of messages cannot be (remove it and create "
                               "it again)");
    default:
        return Error::system("it cannot be used", code);
    }
}

[[gnu::cold, gnu::noinline]] inline Error Ring::sending_error(int code, std::uint64_t length,
                                                              std::int64_t timeout) const
{
    switch (code) {
    case EAGAIN:
        return Error::of(code, "the ring is full");
    case ETIMEDOUT:
        return Error::of(code, "timed out, the ring stayed full");
    case EMSGSIZE:
        return Error::of(
            code, "the message has %" PRIu64 " bytes and the ring takes at most %" PRIu64 " (create a larger one)",
            length, header_.max_message_size);
    default:
        return common_error(code, shared_->sender, "sends", timeout);
    }
}

[[gnu::cold, gnu::noinline]] inline Error Ring::receiving_error(int code, std::uint64_t length, std::uint64_t room,
                                                                std::int64_t timeout) const
{
    switch (code) {
    case EAGAIN:
        return Error::of(code, "the ring is empty");
    case ETIMEDOUT:
        return Error::of(code, "timed out, the ring stayed empty");
    case EMSGSIZE:
        return Error::of(code, "the message has %" PRIu64 " bytes and stays in the ring, there is room for %" PRIu64,
                         length, room);
    default:
        return common_error(code, shared_->receiver, "receives", timeout);
    }
}

} // namespace ipc
