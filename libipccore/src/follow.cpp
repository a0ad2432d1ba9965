// SPDX-License-Identifier: MIT
#include "follow.hpp"

#include "error.hpp"
#include "interruption.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <ctime>
#include <exception>

namespace ipc {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t piece_size = 256 << 10;
constexpr int stable_attempts = 10'000;
constexpr std::chrono::seconds sequence_patience(10);
constexpr std::chrono::seconds death(5); // how long nobody takes for one write
constexpr long shortest_pause = 5'000'000;
constexpr long longest_pause = 100'000'000;
constexpr long shortest_write = 50'000;

Result<void> sleep_for(long nanoseconds)
{
    const timespec time = {0, nanoseconds};
    nanosleep(&time, nullptr);
    if (interrupted())
        return failure(EINTR, "interrupted");
    return {};
}

/// Look again and again, more rarely the longer `changed`, which returns Result<bool>, says no.
template <typename Changed> Result<void> wait_until(NameWatch &name, Changed changed)
{
    for (long pause = shortest_pause; !IPC_TRY(changed()); pause = std::min(pause * 5 / 4, longest_pause)) {
        IPC_TRY(name.check());
        IPC_TRY(sleep_for(pause));
    }
    return {};
}

bool is_writing(std::uint64_t sequence) { return sequence & 1; }

Error dead_writer(const Address &address, std::uint64_t sequence)
{
    return located(address.text(), failure(ETIMEDOUT,
                                           "its sequence word stays at {}, which is odd: a writer died while it wrote "
                                           "(once the bytes are right: shmword ADDRESS {} add 1)",
                                           sequence, text_of(*address.sequence)));
}

} // namespace

Result<void> read_whole(Segment &segment, std::uint64_t offset, std::span<std::byte> into)
{
    while (!into.empty()) {
        const std::size_t count = IPC_TRY(segment.read(offset, into));
        if (count == 0)
            return failure(EIO, "{}: somebody made it smaller: nothing left at offset {} (try again)",
                           segment.address().text(), offset);
        offset += count;
        into = into.subspan(count);
    }
    return {};
}

Follower::Follower(Segment &segment, std::uint64_t offset, std::uint64_t length)
    : segment_(segment), offset_(offset), copy_(length), piece_(std::min<std::size_t>(length, piece_size))
{
}

Result<Follower> Follower::create(Segment &segment, std::uint64_t offset, std::uint64_t length)
try {
    return Follower(segment, offset, length);
} catch (const std::exception &) { // bad_alloc, or length_error where no machine has as much
    return located(segment.address().text(),
                   failure(ENOMEM, "no memory for a copy of {} bytes (read a shorter part)", length));
}

Result<bool> Follower::refresh()
{
    bool changed = false;
    for (std::uint64_t done = 0; done < copy_.size();) {
        const auto piece = std::span(piece_).first(std::min(piece_.size(), copy_.size() - done));
        IPC_TRY(read_whole(segment_, offset_ + done, piece));
        if (std::memcmp(copy_.data() + done, piece.data(), piece.size()) != 0) {
            std::memcpy(copy_.data() + done, piece.data(), piece.size());
            changed = true;
        }
        done += piece.size();
    }
    return changed;
}

Result<void> Follower::read()
{
    IPC_TRY(refresh());
    return {};
}

Result<void> Follower::read_stable()
{
    if (segment_.address().sequence)
        return read_between_writes();
    IPC_TRY(refresh());
    for (int attempt = 0; attempt < stable_attempts; attempt++)
        if (!IPC_TRY(refresh()))
            return {};
    return failure(ETIMEDOUT, "{}: still changing after {} readings (stop its writer, or read a shorter part)",
                   segment_.address().text(), stable_attempts);
}

/// The word as it is now. The copies of the kernel are no atomic loads: the fences keep what is read before and behind
/// the word on its side.
Result<std::uint64_t> Follower::sequence()
{
    const SequenceWord word = *segment_.address().sequence;
    const auto read_as = [&](auto number) -> Result<std::uint64_t> {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        const std::size_t count = IPC_TRY(segment_.read(word.offset, std::as_writable_bytes(std::span(&number, 1))));
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (count < word.bytes)
            return failure(ERANGE, "{}: its sequence word is beyond its end, it has {} bytes",
                           segment_.address().text(), IPC_TRY(segment_.status()).bytes);
        return std::uint64_t{number};
    };
    return word.bytes == 4 ? read_as(std::uint32_t{}) : read_as(std::uint64_t{});
}

Result<void> Follower::read_between_writes()
{
    const Clock::time_point start = Clock::now();
    std::uint64_t before = IPC_TRY(sequence());
    long pause = shortest_write;
    for (Clock::time_point changed = start, now = start; now - start < sequence_patience; now = Clock::now()) {
        if (is_writing(before))
            IPC_TRY(sleep_for(pause));
        else
            IPC_TRY(refresh());
        const std::uint64_t after = IPC_TRY(sequence());
        if (after == before && !is_writing(before)) {
            sequence_ = after;
            return {};
        }
        pause = after == before ? std::min(2 * pause, shortest_pause) : shortest_write;
        if (after != before)
            changed = now;
        if (now - changed > death)
            return dead_writer(segment_.address(), before);
        before = after;
    }
    return located(
        segment_.address().text(),
        failure(ETIMEDOUT, "somebody wrote during every reading (read a shorter part, or let writers rest)"));
}

Result<void> Follower::wait_for_change(bool stable)
{
    if (!name_)
        name_.emplace(segment_.address());
    if (!stable || !segment_.address().sequence) {
        IPC_TRY(wait_until(*name_, [&] { return refresh(); }));
        return stable ? read_stable() : Result<void>{};
    }
    const auto is_another = [&]() -> Result<bool> { return IPC_TRY(sequence()) != sequence_; };
    IPC_TRY(wait_until(*name_, is_another));
    return read_between_writes();
}

} // namespace ipc
