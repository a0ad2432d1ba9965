// SPDX-License-Identifier: MIT
// ipc/ring.hpp - a queue of whole messages in shared memory, fast and safe against crashes. For any program: C++20,
// Linux, headers alone.
//
//     auto ring = ipc::Ring::open("/feed");          // made by `mqmk ring:/feed`, or by Ring::create()
//     if (!ring)
//         … ring.error().text() …
//     ring->send(std::as_bytes(std::span("hello", 5)));
//
// The other end may be any program with this header, or `mqsend ring:/feed` and `mqrecv ring:/feed`.
//
// Messages      have 0 bytes and more, up to what the ring was made for; they are received whole, once, in the order
//               in which they were sent. Any number of processes send and receive.
// Timeouts      are nanoseconds: 0 tries once, IPC_FOREVER (-1) waits. While the other side is busy a call makes no
//               system call; it spins before it sleeps only where another processor can make that pay.
// Errors        EAGAIN (empty or full, and the timeout was 0), ETIMEDOUT, EINTR (a signal handler ran meanwhile),
//               EMSGSIZE, EBADF (not opened for this), EDEADLK (this Ring holds that end already), EBADMSG (the ring
//               is damaged: somebody wrote into it who should not), ESTALE (its file was made shorter), EIDRM (there is
//               nothing left to receive, or no room, and the ring was removed).
// Crashes       A process may be killed at any instruction. A message is seen by receivers completely or not at all;
//               once a send has returned, it can be lost only by the death of the receiver that takes it, and not even
//               then if that one takes it in place (front(), receive_batch()). Who uses that end next waits for some
//               milliseconds.
// Hostility     Whoever may open the file may write anything into it, hold an end for ever, or fill it. Then calls
//               fail or wait, but never read or write beyond the ring. Messages received in place may change while they
//               are looked at: copy what must not. One thing no mapping can prevent: a file that is made shorter ends
//               with SIGBUS whoever touches what is gone. Waits look for it (ESTALE); a program that must not trust
//               those who may open its rings handles SIGBUS, or uses a memfd with F_SEAL_SHRINK and Ring::adopt().
// Threads       One thread may send and another receive through one Ring; more threads open it once more each. After
//               fork(2) the child's Ring is an opener of its own, and holds nothing that the parent held.
#pragma once

#include <ipc/descriptor_segment.hpp>
#include <ipc/posix_name.hpp>
#include <ipc/ring_lock.hpp>

#include <bit>
#include <memory>
#include <span>

namespace ipc {

/// What a new ring shall hold. 0 is the default.
struct RingLimits {
    /// Bytes, rounded up to a power of two and whole pages; a message takes its length, rounded up to a multiple of 8,
    /// and 8 more. Default: enough for the other two, or 1 MiB.
    std::uint64_t capacity = 0;
    std::uint64_t max_messages = 0;     ///< that may wait. Default: no limit but the capacity
    std::uint64_t max_message_size = 0; ///< bytes. Default: 8192 where max_messages is given, else what fits
};

namespace ring {

/// Where rings are: regular files of a name that says what they are.
inline constexpr char directory[] = "/dev/shm";
inline constexpr std::string_view file_prefix = "ipcring.";
inline constexpr std::uint64_t default_capacity = 1024 * 1024, default_message_size = 8192;

/// The name of a ring's file in the directory; `name` is one like "/feed" that passed check_name().
class FileName {
public:
    explicit FileName(std::string_view name)
    {
        std::snprintf(path_, sizeof path_, "%s/%s%s", directory, file_prefix.data(), PosixName(name).leaf());
    }
    const char *path() const { return path_; }
    const char *leaf() const { return path_ + sizeof directory; }

private:
    char path_[sizeof directory + NAME_MAX + 2 + file_prefix.size()];
};

/// A name is one like "/feed", short enough for its file.
inline Result<void> check_name(std::string_view name)
{
    IPC_TRY(PosixName::check(name));
    const std::size_t length = name.size() - name.starts_with('/'), most = NAME_MAX - file_prefix.size();
    if (length > most)
        return Error::of(EINVAL, "the name has %zu bytes behind its slash (at most %zu are allowed)", length, most);
    return {};
}

/// The header of a new ring. EINVAL if the limits contradict each other, EFBIG if no file can hold that.
inline Result<Header> plan(const RingLimits &limits)
{
    const std::uint64_t page = std::uint64_t(::sysconf(_SC_PAGESIZE));
    std::uint64_t size = limits.max_message_size;
    if (!size && limits.max_messages && !limits.capacity)
        size = default_message_size;
    const std::uint64_t each = size > most_capacity ? size : record_size(size), count = limits.max_messages;
    std::uint64_t needed = size ? each : prefix;
    if (__builtin_mul_overflow(needed, count ? count : 1, &needed))
        needed = UINT64_MAX;
    std::uint64_t capacity = limits.capacity;
    if (!capacity)
        capacity = std::max(needed, count ? 0 : default_capacity);
    if (capacity > most_capacity)
        return Error::of(EFBIG,
                         "a ring of %" PRIu64 " bytes is wanted, and no ring has more than %" PRIu64
                         " (ask for fewer or smaller messages)",
                         capacity, most_capacity);
    capacity = std::bit_ceil(std::max(capacity, page));
    if (capacity < needed)
        return Error::of(EINVAL,
                         "%" PRIu64 " bytes are needed for such messages and the ring shall have %" PRIu64
                         " (ask for a larger one, or leave its size out)",
                         needed, capacity);
    // The first message must lie behind everything else, at a whole page.
    const std::uint64_t offset = (sizeof(Shared) + page - 1) / page * page;
    return make_header(offset, capacity, count, size ? size : capacity - prefix);
}

/// A ring's file in memory, its messages twice, one behind the other: so each is in one piece wherever it begins.
class Mapping {
public:
    Mapping() = default;
    Mapping(Mapping &&other) noexcept { *this = std::move(other); }
    Mapping &operator=(Mapping &&other) noexcept
    {
        std::swap(base_, other.base_);
        std::swap(length_, other.length_);
        return *this;
    }
    ~Mapping()
    {
        if (base_)
            ::munmap(base_, length_);
    }

    static Result<Mapping> map(int file, const Header &header, bool writable)
    {
        const int protection = PROT_READ | (writable ? PROT_WRITE : 0);
        Mapping mapping;
        mapping.length_ = header.total + header.capacity;
        void *base = ::mmap(nullptr, mapping.length_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base == MAP_FAILED)
            return Error::system("it cannot be mapped");
        mapping.base_ = static_cast<std::byte *>(base);
        if (::mmap(base, header.total, protection, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED ||
            ::mmap(mapping.base_ + header.total, header.capacity, protection, MAP_SHARED | MAP_FIXED, file,
                   off_t(header.data_offset)) == MAP_FAILED)
            return Error::system("it cannot be mapped");
        return mapping;
    }

    std::byte *base() const { return base_; }

private:
    std::byte *base_ = nullptr;
    std::size_t length_ = 0;
};

/// The header of the ring that is open on `file`, checked.
inline Result<Header> read_header(int file)
{
    Header header;
    struct stat status;
    if (::fstat(file, &status) != 0)
        return Error::system("its size cannot be read");
    const ssize_t length = ::pread(file, &header, sizeof header, 0);
    if (length < 0)
        return Error::system("it cannot be read");
    if (std::size_t(length) < sizeof header)
        header = {};
    IPC_TRY(check_header(header, std::uint64_t(status.st_size), std::uint64_t(::sysconf(_SC_PAGESIZE))));
    return header;
}

/// What is to be seen of the ring that is open on `file`, without mapping it or anything that others could notice. What
/// was left by those who slept or held an end when they were killed does not count once nobody is there.
inline Result<Overview> look(int file)
{
    const Header header = IPC_TRY(read_header(file));
    alignas(Shared) std::byte copy[sizeof(Shared)];
    const ssize_t length = ::pread(file, copy, sizeof copy, 0);
    if (length < 0)
        return Error::system("it cannot be read");
    if (length != ssize_t(sizeof copy))
        return Error::of(ESTALE, "its file is shorter than it was");
    Overview overview = overview_of(*reinterpret_cast<const Shared *>(copy), header);
    if (!has_openers(file))
        overview.waiting_senders = overview.waiting_receivers = overview.sending = overview.receiving = 0;
    return overview;
}

} // namespace ring

class Ring {
public:
    using Bytes = std::span<const std::byte>;

    /// Create a ring and open it. Exclusive: EEXIST if there is one of that name. Its memory is reserved.
    static Result<Ring> create(std::string_view name, const RingLimits &limits = {}, mode_t mode = 0600)
    {
        ipc_ownership ownership = {};
        ownership.size = sizeof ownership;
        ownership.mode = mode;
        ownership.owner = ownership.group = -1;
        return create(name, limits, ownership);
    }
    static Result<Ring> create(std::string_view name, const RingLimits &limits, const ipc_ownership &ownership);

    /// Open a ring that exists. With IPC_READ alone it can be looked at, by peek() and overview(), and no more.
    static Result<Ring> open(std::string_view name, std::uint32_t access = IPC_READ | IPC_WRITE);

    /// Open the ring in `file`, wherever that is; it is opened anew, so that the descriptor may be another process's
    /// too.
    static Result<Ring> adopt(Fd file, std::uint32_t access = IPC_READ | IPC_WRITE);

    /// Make a ring of an empty file, such as a new memfd, for adopt().
    static Result<void> format(int file, const RingLimits &limits = {});

    Ring(Ring &&) = default;
    Ring &operator=(Ring &&) = default;
    /// Closes, and never removes: the ring stays, with its messages, until unlink(2) or mqrm(1).
    ~Ring();

    std::uint64_t capacity() const { return header_.capacity; }
    std::uint64_t max_message_size() const { return header_.max_message_size; }
    ring::Overview overview() const { return ring::overview_of(*shared_, header_); }
    /// Was it removed since it was opened? Who has it open goes on using it; nobody else finds it.
    bool is_removed() const { return presence_ && presence_->removal(); }
    /// Open on its file, borrowed.
    int descriptor() const { return presence_ ? presence_->descriptor() : file_.get(); }

    // ---- sending ----

    Result<void> send(Bytes message, std::int64_t timeout = IPC_FOREVER);
    /// Send messages in their order and let receivers see them together, or in large groups; much faster for small
    /// ones. Waits for the first only. How many were sent, at least 1; those behind a message that is too long were
    /// not.
    Result<std::size_t> send_batch(std::span<const Bytes> messages, std::int64_t timeout = IPC_FOREVER);

    /// Room for a message in the ring itself, to be filled in and committed. Others who send wait meanwhile.
    class Claim {
    public:
        Claim(Claim &&other) noexcept : ring_(std::exchange(other.ring_, nullptr)), bytes_(other.bytes_) {}
        Claim &operator=(Claim &&) = delete;
        ~Claim(); ///< gives it up, if it was not committed
        std::span<std::byte> bytes() const { return bytes_; }
        /// Send the first `length` bytes, which are no more than were claimed. 0 or EBADMSG.
        Result<void> commit(std::size_t length);

    private:
        friend Ring;
        Claim(Ring &ring, std::span<std::byte> bytes) : ring_(&ring), bytes_(bytes) {}
        Ring *ring_;
        std::span<std::byte> bytes_;
    };
    /// The Ring outlives it and is not moved meanwhile.
    Result<Claim> claim(std::size_t length, std::int64_t timeout = IPC_FOREVER);

    // ---- receiving ----

    /// Copy the oldest message into `buffer` and take it; its length. EMSGSIZE leaves it there.
    Result<std::size_t> receive(std::span<std::byte> buffer, std::int64_t timeout = IPC_FOREVER);
    /// Call `visit(Bytes message)` for what is there, in the ring itself, oldest first, and at most `most` times. Waits
    /// for the first only. `visit` answers nothing, or whether it has taken the message: false leaves it there and ends
    /// the visits. Room is given back in groups, so what was visited just before a crash may be received again. How
    /// many were taken. Others who receive wait meanwhile; `visit` does not use this Ring.
    template <typename Visit>
    Result<std::size_t> receive_batch(Visit &&visit, std::int64_t timeout = IPC_FOREVER,
                                      std::size_t most = std::numeric_limits<std::size_t>::max());

    /// The oldest message in the ring itself. Others who receive wait meanwhile.
    class Front {
    public:
        Front(Front &&other) noexcept : ring_(std::exchange(other.ring_, nullptr)), bytes_(other.bytes_) {}
        Front &operator=(Front &&) = delete;
        ~Front(); ///< leaves it there, if it was not taken
        Bytes bytes() const { return bytes_; }
        void take();

    private:
        friend Ring;
        Front(Ring &ring, Bytes bytes) : ring_(&ring), bytes_(bytes) {}
        Ring *ring_;
        Bytes bytes_;
    };
    /// The Ring outlives it and is not moved meanwhile.
    Result<Front> front(std::int64_t timeout = IPC_FOREVER);

    /// Put a message in front of all others, as if it had not been received. EAGAIN if its room was taken. Uses both
    /// ends.
    Result<void> put_back(Bytes message);

    /// Copy the message at `index` (0 is the oldest) into `buffer` and leave it there; its length. Nobody notices, and
    /// nobody waits. ENOMSG behind the last one; EAGAIN if it went away again and again while it was copied.
    Result<std::size_t> peek(std::uint64_t index, std::span<std::byte> buffer);

private:
    /// An end that this Ring holds: how far it has come, which only publish() tells others, and how far the other one
    /// has at least.
    struct Held {
        ring::Place own;
        std::uint64_t other = 0;
        std::uint64_t published = 0;
    };

    Ring(Fd file, const ring::Header &header, ring::Mapping mapping, bool writable);
    static Result<Ring> over(Fd file, std::uint32_t access);

    std::byte *at(std::uint64_t position) const { return data_ + (position & mask_); }
    std::uint64_t length_at(std::uint64_t position) const
    {
        return reinterpret_cast<const std::atomic<std::uint64_t> *>(at(position))->load(std::memory_order_relaxed);
    }
    void write_length(std::uint64_t position, std::uint64_t length) const
    {
        reinterpret_cast<std::atomic<std::uint64_t> *>(at(position))->store(length, std::memory_order_relaxed);
    }
    void write_record(std::uint64_t position, Bytes message) const;

    int begin_sending(std::int64_t timeout);
    int make_room(std::uint64_t length);
    void append(std::uint64_t length);
    void end_sending();

    int begin_receiving(std::int64_t timeout);
    int find_message(std::uint64_t &length);
    void advance(std::uint64_t length);
    void end_receiving();
    bool room_is_worth_a_call() const;

    template <typename Attempt, typename Ready>
    int wait_until(Attempt &&attempt, Ready &&ready, ring::End &own, const ring::End &other, ring::Spinner &spinner,
                   std::int64_t timeout);
    template <typename Attempt> int send_by(Attempt &&attempt, std::int64_t timeout);
    template <typename Attempt> int receive_by(Attempt &&attempt, std::int64_t timeout);
    bool has_message() const;
    bool may_have_message() const;
    bool is_whole() const;

    int copy_at(std::uint64_t index, std::span<std::byte> buffer, std::uint64_t &length);
    int rewind_by(Bytes message);

    Error sending_error(int code, std::uint64_t length, std::int64_t timeout) const;
    Error receiving_error(int code, std::uint64_t length, std::uint64_t room, std::int64_t timeout) const;
    Error common_error(int code, const ring::End &end, const char *what, std::int64_t timeout) const;

    Fd file_; ///< where it is open for looking only
    std::unique_ptr<ring::Presence> presence_;
    ring::Header header_;
    ring::Mapping mapping_;
    ring::Shared *shared_;
    std::byte *data_;
    std::uint64_t mask_;
    std::uint64_t group_; ///< bytes that a batch publishes at a time

    Held sending_, receiving_;
    ring::GateLock sender_lock_, receiver_lock_;
    ring::Spinner sender_spinner_, receiver_spinner_;
    std::uint64_t tail_when_full_ = 0;
    /// Where peek() was: message `index` is at `position`, as long as the tail stays.
    struct {
        std::uint64_t tail = 0, index = 0, position = 0;
        std::uint32_t rewinds = 0;
    } cursor_;
};

} // namespace ipc

#include <ipc/ring_opening.hpp>
#include <ipc/ring_receiving.hpp>
#include <ipc/ring_sending.hpp>
