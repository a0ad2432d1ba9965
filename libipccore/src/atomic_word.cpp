// SPDX-License-Identifier: MIT
#include "atomic_word.hpp"

#include "error.hpp"
#include "guarded_access.hpp"
#include "interruption.hpp"
#include "name_watch.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <climits>
#include <optional>

namespace ipc {
namespace {

static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free, "processes share no lock for words of 8 bytes");

constexpr std::int64_t shortest_pause = 1'000'000;
constexpr std::int64_t longest_pause = 100'000'000;

/// From the order of bytes in memory to this machine's and back.
WordBits turned(const WordType &type, WordBits bits)
{
    return type.is_swapped() ? __builtin_bswap64(bits) >> (64 - 8 * type.width()) : bits;
}

template <typename Unsigned, typename Operation> WordBits apply(std::byte *word, Operation &operation)
{
    return operation(std::atomic_ref<Unsigned>(*reinterpret_cast<Unsigned *>(word)));
}

/// Call `operation` with an atomic_ref of the word's width.
template <typename Operation> WordBits apply(std::byte *word, std::size_t width, Operation operation)
{
    switch (width) {
    case 1:
        return apply<std::uint8_t>(word, operation);
    case 2:
        return apply<std::uint16_t>(word, operation);
    case 4:
        return apply<std::uint32_t>(word, operation);
    default:
        return apply<std::uint64_t>(word, operation);
    }
}

constexpr auto loaded = [](auto word) -> WordBits { return word.load(); };

timespec as_timespec(std::int64_t nanoseconds)
{
    constexpr std::int64_t second = 1'000'000'000;
    return {static_cast<std::time_t>(nanoseconds / second), static_cast<long>(nanoseconds % second)};
}

/// ETIMEDOUT, or EINTR.
int nap(std::int64_t nanoseconds)
{
    const timespec time = as_timespec(nanoseconds);
    return nanosleep(&time, nullptr) == 0 ? ETIMEDOUT : EINTR;
}

/// 0: somebody woke us. EAGAIN: it is no longer `expected`. ETIMEDOUT, EINTR.
int sleep_on(std::byte *futex, std::uint32_t expected, std::int64_t nanoseconds)
{
    const timespec time = as_timespec(nanoseconds);
    if (syscall(SYS_futex, futex, FUTEX_WAIT, expected, &time, nullptr, 0) == 0)
        return 0;
    const bool slept = errno == EAGAIN || errno == ETIMEDOUT || errno == EINTR;
    return slept ? errno : nap(nanoseconds); // memory without futexes
}

Result<void> check_alignment(const Segment &segment, const WordPlace &place)
{
    if (place.offset % place.type.width() == 0)
        return {};
    return failure(EINVAL, "{}: offset {} is not a multiple of {}, the operation would not be atomic",
                   segment.address().text(), place.offset, place.type.width());
}

Error beyond_end(const Segment &segment, const WordPlace &place, std::uint64_t bytes)
{
    return failure(ERANGE, "{}: {}@{} is beyond its end, it has {} bytes", segment.address().text(), place.type.name(),
                   place.offset, bytes);
}

void wake_all(std::byte *futex) { (void)syscall(SYS_futex, futex, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

} // namespace

/// The mapping as it is now, and the word in it.
struct AtomicWord::Memory {
    std::span<std::byte> mapping;
    std::byte *word;

    /// The aligned 32 bits that hold `byte`; null if they are not all within the mapping.
    std::byte *futex(std::byte *byte) const
    {
        const auto begin = reinterpret_cast<std::uintptr_t>(mapping.data());
        const auto address = reinterpret_cast<std::uintptr_t>(byte) & ~std::uintptr_t{3};
        const bool inside = address >= begin && address - begin + 4 <= mapping.size();
        return inside ? mapping.data() + (address - begin) : nullptr;
    }
};

Result<AtomicWord> AtomicWord::open(Segment &segment, const WordPlace &place)
{
    AtomicWord word(segment, place);
    IPC_TRY(word.memory());
    return word;
}

Result<AtomicWord::Memory> AtomicWord::memory()
{
    const std::size_t width = place_.type.width();
    IPC_TRY(check_alignment(segment_, place_));
    const Result<std::span<std::byte>> mapped = segment_.map();
    if (!mapped && mapped.error().code() == ENOTSUP)
        return failure(ENOTSUP, "{}; atomic access needs a mapping", mapped.error().text());
    if (!mapped)
        return mapped.error();
    const std::span<std::byte> mapping = mapped.value();
    if (place_.offset > mapping.size() || mapping.size() - place_.offset < width)
        return beyond_end(segment_, place_, mapping.size());
    std::byte *const word = mapping.data() + place_.offset;
    if (reinterpret_cast<std::uintptr_t>(word) % width != 0)
        return failure(EINVAL, "{}: it does not begin at a multiple of {}, the operation would not be atomic",
                       segment_.address().text(), width);
    return Memory{mapping, word};
}

template <typename Operation> Result<WordBits> AtomicWord::perform(Operation operation)
{
    const Memory at = IPC_TRY(memory());
    WordBits before = 0;
    const Result<void> done =
        guarded_access(at.mapping, [&] { before = apply(at.word, place_.type.width(), operation); });
    if (!done)
        return located(segment_.address().text(), done.error());
    return turned(place_.type, before);
}

Result<WordBits> copy_word(Segment &segment, const WordPlace &place)
{
    alignas(WordBits) std::byte bytes[sizeof(WordBits)] = {};
    const std::size_t width = place.type.width();
    IPC_TRY(check_alignment(segment, place));
    if (IPC_TRY(segment.read(place.offset, std::span(bytes, width))) < width)
        return beyond_end(segment, place, IPC_TRY(segment.status()).bytes);
    return turned(place.type, apply(bytes, width, loaded));
}

/// Wake those who sleep on the word, after a change.
void AtomicWord::wake()
{
    const Result<Memory> at = memory();
    if (!at)
        return;
    for (std::size_t i = 0; i < place_.type.width(); i += 4)
        if (std::byte *futex = at.value().futex(at.value().word + i))
            wake_all(futex);
}

Result<WordBits> AtomicWord::load() { return perform(loaded); }

Result<WordBits> AtomicWord::exchange(WordBits value)
{
    const WordBits stored = turned(place_.type, value);
    const WordBits before = IPC_TRY(perform([stored](auto word) -> WordBits {
        return word.exchange(static_cast<typename decltype(word)::value_type>(stored));
    }));
    wake();
    return before;
}

Result<WordBits> AtomicWord::compare_exchange(WordBits expected, WordBits value)
{
    const WordBits wanted = turned(place_.type, expected), stored = turned(place_.type, value);
    const WordBits before = IPC_TRY(perform([wanted, stored](auto word) -> WordBits {
        using Unsigned = typename decltype(word)::value_type;
        auto found = static_cast<Unsigned>(wanted);
        word.compare_exchange_strong(found, static_cast<Unsigned>(stored));
        return found;
    }));
    if (before == expected)
        wake();
    return before;
}

Result<WordBits> AtomicWord::add(WordBits value)
{
    const WordType &type = place_.type;
    const WordBits before = IPC_TRY(perform([&type, value](auto word) -> WordBits {
        using Unsigned = typename decltype(word)::value_type;
        if (!type.is_float() && !type.is_swapped())
            return word.fetch_add(static_cast<Unsigned>(value));
        Unsigned found = word.load();
        while (!word.compare_exchange_weak(found,
                                           static_cast<Unsigned>(turned(type, type.sum(turned(type, found), value))))) {
        }
        return found;
    }));
    wake();
    return before;
}

/// The futex is read first: a change between the two is then one that the kernel sees when it compares.
Result<AtomicWord::Seen> AtomicWord::look()
{
    const Memory at = IPC_TRY(memory());
    const std::size_t width = place_.type.width();
    // Of 64 bits the half that changes with the value: the low one of integers, the high one of floating point.
    const bool low_first = (std::endian::native == std::endian::little) != place_.type.is_swapped();
    const bool second = width == 8 && low_first == place_.type.is_float();
    Seen seen = {0, 0, at.futex(at.word + (second ? 4 : 0))};
    const Result<void> done = guarded_access(at.mapping, [&] {
        if (seen.futex)
            seen.expected = static_cast<std::uint32_t>(apply(seen.futex, 4, loaded));
        seen.value = apply(at.word, width, loaded);
    });
    if (!done)
        return located(segment_.address().text(), done.error());
    seen.value = turned(place_.type, seen.value);
    return seen;
}

Result<AtomicWord::Waited> AtomicWord::wait(const std::function<bool(WordBits)> &holds, std::int64_t timeout)
{
    using Clock = std::chrono::steady_clock;
    const Clock::time_point begin = Clock::now();
    std::int64_t pause = shortest_pause;
    std::optional<NameWatch> name;
    bool restless = false; // it changes faster than it can be slept on
    for (;;) {
        const Seen seen = IPC_TRY(look());
        if (holds(seen.value))
            return Waited{seen.value, true};
        const std::int64_t left =
            timeout == IPC_FOREVER ? longest_pause : timeout - std::chrono::nanoseconds(Clock::now() - begin).count();
        if (left <= 0)
            return Waited{seen.value, false};
        if (interrupted())
            return failure(EINTR, "interrupted");
        if (!name)
            name.emplace(segment_.address());
        IPC_TRY(name->check());
        const std::int64_t time = std::min(pause, left);
        const int ended = restless || !seen.futex ? nap(time) : sleep_on(seen.futex, seen.expected, time);
        restless = ended == EAGAIN;
        pause = ended == 0 || restless ? shortest_pause : std::min(pause * 5 / 4, longest_pause);
    }
}

} // namespace ipc
