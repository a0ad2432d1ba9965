// SPDX-License-Identifier: MIT
// ipc/ring_wait.hpp - waiting in shared memory: spinning as long as it pays, then sleeping, never without a limit.
//
// Part of ipc/ring.hpp.
#pragma once

#include <ipc/futex.hpp>
#include <ipc/ring_layout.hpp>

#include <sched.h>

#include <algorithm>

namespace ipc::ring {

/// How long to sleep at a time after so many sleeps that nobody ended: 16 ms, doubled up to half a second. Whoever
/// should have woken us may have died.
inline std::int64_t nap(const Deadline &deadline, unsigned naps)
{
    const std::int64_t longest = std::int64_t{16'000'000} << std::min(naps, 5u);
    return std::max<std::int64_t>(deadline.left_within(longest), 1);
}

/// How long to look before sleeping. Spinning is hundreds of times faster than sleeping while the other side runs on
/// another processor, and many times slower where it cannot: so the budget doubles when the wait was short enough, and
/// halves when it was not. Sides that are bound to the same processor yield it to each other instead, which spares both
/// of them to sleep and to wake; where somebody else takes it meanwhile, sleepers come back sooner. Now and then a wait
/// is spun to the end, to learn that better times have come.
class Spinner {
public:
    Spinner() { count_processors(); }

    /// What this thread may run on: several, or the one with that number. For the other side to see; 0 is not known.
    std::uint32_t processors() const { return processors_; }
    static constexpr std::uint32_t several = 1, first_one = 2;

    /// Can one that may run on `others` do something while we spin?
    bool pays(std::uint32_t others) const { return processors_ == several || (others != 0 && others != processors_); }

    /// Look until `ready()`; false if it pays to sleep now.
    template <typename Ready> bool spin(Ready &&ready, std::uint32_t others)
    {
        const bool probes = ++waits_ % 32 == 0;
        if (waits_ % 64 == 0)
            count_processors();
        return pays(others) ? spin_for(probes ? longest : budget_, ready)
                            : yield_for(probes ? most_yields : yields_, ready);
    }

private:
    static constexpr unsigned shortest = 32, longest = 4096, fewest_pauses = 4, most_pauses = 16, most_yields = 4;
    static constexpr std::int64_t soon = 50'000;

    /// Looks less and less often: each look takes the line that the other side is about to write.
    template <typename Ready> bool spin_for(unsigned left, Ready &&ready)
    {
        for (unsigned pauses = fewest_pauses; left; pauses = std::min(2 * pauses, most_pauses)) {
            if (ready()) {
                budget_ = std::min(2 * budget_, longest);
                return true;
            }
            for (unsigned i = 0; i < pauses && left; i++, left--)
                pause_processor();
        }
        budget_ = std::max(budget_ / 2, shortest);
        return false;
    }

    template <typename Ready> bool yield_for(unsigned left, Ready &&ready)
    {
        for (; left; left--) {
            const std::int64_t begin = monotonic_now();
            ::sched_yield();
            if (ready()) {
                yields_ = monotonic_now() - begin < soon ? std::min(yields_ + 1, most_yields) : yields_ / 2;
                return true;
            }
        }
        yields_ /= 2;
        return false;
    }

    void count_processors()
    {
        cpu_set_t allowed;
        const bool known = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0;
        processors_ = known && CPU_COUNT(&allowed) == 1 ? first_one + std::uint32_t(::sched_getcpu()) : several;
    }

    std::uint32_t processors_ = 0;
    unsigned budget_ = longest, yields_ = most_yields, waits_ = 0;
};

/// Those who sleep at a bell, from before the last look until they leave: whoever changes what they wait for rings it
/// and so wakes all of them, or they see the change.
class Sleeper {
public:
    explicit Sleeper(Bell &bell)
        : word_(bell.waiting), rung_((word_.fetch_add(1, std::memory_order_seq_cst) + 1) & rings)
    {
    }
    Sleeper(const Sleeper &) = delete;
    Sleeper &operator=(const Sleeper &) = delete;
    ~Sleeper()
    {
        std::uint32_t word = word_.load(std::memory_order_relaxed);
        while ((word & rings) == rung_ && (word & sleepers) &&
               !word_.compare_exchange_weak(word, word - 1, std::memory_order_relaxed))
            ;
    }

    /// 0 when it was rung, or ETIMEDOUT, EINTR, EFAULT.
    int sleep(std::int64_t nanoseconds)
    {
        for (;;) {
            const std::uint32_t word = word_.load(std::memory_order_relaxed);
            if ((word & rings) != rung_)
                return 0;
            const int code = futex_wait(&word_, word, nanoseconds);
            if (code != EAGAIN) // else another one lay down beside us
                return code;
        }
    }

    static constexpr std::uint32_t sleepers = 0xffff, rings = ~sleepers;

private:
    std::atomic<std::uint32_t> &word_;
    std::uint32_t rung_;
};

/// Is somebody asleep? To be asked behind the exchange that opens a gate, which is a full barrier on x86 and is made
/// one elsewhere: either the sleeper is seen here, or the sleeper sees what was published before.
inline bool somebody_sleeps(const Bell &bell)
{
#if !defined(__x86_64__) && !defined(__i386__)
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
    return bell.waiting.load(std::memory_order_seq_cst) & Sleeper::sleepers;
}

[[gnu::noinline]] inline void ring_bell(Bell &bell)
{
    std::uint32_t word = bell.waiting.load(std::memory_order_relaxed);
    while (!bell.waiting.compare_exchange_weak(word, (word & Sleeper::rings) + Sleeper::sleepers + 1))
        ;
    futex_wake(&bell.waiting);
}

} // namespace ipc::ring
