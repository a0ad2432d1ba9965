// SPDX-License-Identifier: MIT
// ipc/ring_lock.hpp - the lock of an end of a ring, which survives its owner.
//
// Part of ipc/ring.hpp. Every opener has a number, and as long as it lives the kernel keeps a lock for it on one byte
// of the file, far behind its end, at that number (fcntl(2), F_OFD_SETLK). The owner of a gate writes its number there.
// Who finds it closed for long asks the kernel whether that byte is still locked: if not, the owner has died, and the
// gate is taken over. This needs no process ids, which mean nothing in another namespace and are used again; nothing
// that a peer can write into the memory is followed as a pointer, as the lists of robust mutexes would be; and a
// language needs but fcntl and futex to take part.
#pragma once

#include <ipc/fd.hpp>
#include <ipc/ring_wait.hpp>

#include <fcntl.h>
#include <sys/random.h>

#include <mutex>
#include <pthread.h>

namespace ipc::ring {

/// Openers' bytes start here in the file, where no data can be.
inline constexpr off_t presence_offset = off_t{1} << 62;
inline constexpr std::uint32_t most_openers = 1u << 30;

inline struct flock byte_of(std::uint32_t number)
{
    struct flock byte = {};
    byte.l_type = F_WRLCK;
    byte.l_whence = SEEK_SET;
    byte.l_start = presence_offset + number;
    byte.l_len = 1;
    return byte;
}

/// Does any opener of the ring in `file` live? Asks the kernel, and takes no lock; true if it does not tell.
inline bool has_openers(int file)
{
    struct flock bytes = byte_of(0);
    bytes.l_len = most_openers;
    return ::fcntl(file, F_OFD_GETLK, &bytes) != 0 || bytes.l_type != F_UNLCK;
}

/// One opener of a ring. Takes part in fork(2): the child becomes an opener of its own at once, and so does not make
/// its parent look alive for ever.
class Presence {
public:
    /// `file` is open for reading and writing and shares its description with nobody.
    explicit Presence(Fd file) : file_(std::move(file)), named_(removal_of(file_.get()) == 0)
    {
        arrive();
        std::lock_guard guard(mutex);
        static const int registered = ::pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); }, arrive_in_child);
        (void)registered;
        next_ = first;
        first = this;
    }
    Presence(const Presence &) = delete;
    Presence &operator=(const Presence &) = delete;
    ~Presence()
    {
        std::lock_guard guard(mutex);
        Presence **link = &first;
        while (*link != this)
            link = &(*link)->next_;
        *link = next_;
    }

    int descriptor() const { return file_.get(); }
    /// Of this opener, not 0; 0 if it could not be had.
    std::uint32_t number() const { return number_; }
    std::uint32_t process() const { return process_; }
    /// EIDRM if the file had a name when it was opened, and has none any more; else 0.
    int removal() const { return named_ ? removal_of(file_.get()) : 0; }
    /// How often the process was forked on the way here. Locks held before the last time are the parent's.
    unsigned generation() const { return generation_; }

    /// Does the opener of that number live? If the kernel does not tell, yes.
    bool lives(std::uint32_t number) const
    {
        if (number == 0 || number >= most_openers)
            return false;
        struct flock byte = byte_of(number);
        return ::fcntl(file_.get(), F_OFD_GETLK, &byte) != 0 || byte.l_type != F_UNLCK;
    }

private:
    void arrive()
    {
        number_ = 0;
        process_ = std::uint32_t(::getpid());
        for (int attempt = 0; attempt < 100; attempt++) {
            std::uint32_t number = 0;
            if (::getrandom(&number, sizeof number, GRND_NONBLOCK) < 0)
                number = process_ * 2654435761u + unsigned(attempt);
            number %= most_openers;
            struct flock byte = byte_of(number);
            if (number && ::fcntl(file_.get(), F_OFD_SETLK, &byte) == 0) {
                number_ = number;
                return;
            }
        }
    }

    /// A description of the file of its own, as the one that is shared with the parent keeps the parent's lock.
    static void arrive_in_child()
    {
        for (Presence *presence = first; presence; presence = presence->next_) {
            char path[32];
            std::snprintf(path, sizeof path, "/proc/self/fd/%d", presence->file_.get());
            presence->file_ = Fd(::open(path, O_RDWR | O_CLOEXEC));
            presence->generation_++;
            presence->arrive();
        }
        mutex.unlock();
    }

    static inline std::mutex mutex;
    static inline Presence *first = nullptr;

    Fd file_;
    bool named_;
    std::uint32_t number_ = 0, process_ = 0;
    unsigned generation_ = 0;
    Presence *next_ = nullptr;
};

/// One opener's way through a gate. Not recursive.
class GateLock {
public:
    bool held(const Presence &presence) const { return held_ && generation_ == presence.generation(); }

    /// 0, or EDEADLK (held already), EBADF (this opener has no number), EBUSY (the owner lives and does not let go),
    /// EINTR, EFAULT, EIDRM (there is no reason to wait any more). `timeout` as everywhere, but owners are waited for a
    /// little even with 0: they pass within microseconds unless they died, or were stopped.
    int lock(End &end, const Presence &presence, Spinner &spinner, std::int64_t timeout)
    {
        Gate &gate = end.gate;
        const std::uint32_t number = presence.number();
        std::uint32_t nobody = 0;
        if (held(presence) || number == 0) [[unlikely]]
            return number ? EDEADLK : EBADF;
        if (!gate.owner.compare_exchange_strong(nobody, number, std::memory_order_acquire)) [[unlikely]]
            if (const int code = lock_late(end, presence, spinner, timeout))
                return code;
        gate.process.store(presence.process(), std::memory_order_relaxed);
        if (end.bell.processors.load(std::memory_order_relaxed) != spinner.processors()) [[unlikely]]
            end.bell.processors.store(spinner.processors(), std::memory_order_relaxed);
        held_ = true;
        generation_ = presence.generation();
        return 0;
    }

    void unlock(Gate &gate)
    {
        held_ = false;
        if (gate.owner.exchange(0, std::memory_order_seq_cst) & contended) [[unlikely]]
            futex_wake(&gate.owner, 1);
    }

private:
    static constexpr std::int64_t patience = 200'000'000;

    [[gnu::noinline]] static int lock_late(End &end, const Presence &presence, Spinner &spinner, std::int64_t timeout)
    {
        Gate &gate = end.gate;
        const std::uint32_t number = presence.number();
        const Deadline deadline(timeout < 0 ? timeout : std::max(timeout, patience));
        std::uint32_t mark = 0; // once we slept, others may still sleep when we open the gate
        unsigned spins = spinner.pays(end.bell.processors.load(std::memory_order_relaxed)) ? 200 : 0;
        for (unsigned naps = 0;;) {
            std::uint32_t word = gate.owner.load(std::memory_order_relaxed);
            const std::uint32_t owner = word & ~contended;
            if (word == 0) {
                if (gate.owner.compare_exchange_weak(word, number | mark, std::memory_order_acquire))
                    return 0;
            } else if (spins) {
                spins--;
                pause_processor();
            } else if (naps && (owner == number || !presence.lives(owner))) {
                if (gate.owner.compare_exchange_strong(word, number | contended, std::memory_order_acquire))
                    return 0;
            } else if (deadline.over()) {
                return EBUSY;
            } else if ((word & contended) || gate.owner.compare_exchange_strong(word, word | contended)) {
                mark = contended;
                const int code = futex_wait(&gate.owner, word | contended, nap(deadline, naps));
                naps += code == ETIMEDOUT;
                if (code == EINTR || code == EFAULT)
                    return code;
                if (code == ETIMEDOUT && presence.removal())
                    return EIDRM;
            }
        }
    }

    bool held_ = false;
    unsigned generation_ = 0;
};

} // namespace ipc::ring
