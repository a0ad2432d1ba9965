// SPDX-License-Identifier: MIT
#include "follow.hpp"

#include "error.hpp"
#include "interruption.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>

namespace ipc {
namespace {
constexpr std::size_t piece_size = 256 << 10;
constexpr int stable_attempts = 10'000;
constexpr long shortest_pause = 5'000'000;
constexpr long longest_pause = 100'000'000;
} // namespace

Follower::Follower(Segment &segment, std::uint64_t offset, std::uint64_t length)
    : segment_(segment), offset_(offset), copy_(length), piece_(std::min<std::size_t>(length, piece_size))
{
}

Result<bool> Follower::refresh()
{
    bool changed = false;
    for (std::uint64_t done = 0; done < copy_.size();) {
        const auto wanted = std::span(piece_).first(std::min(piece_.size(), copy_.size() - done));
        const std::size_t count = IPC_TRY(segment_.read(offset_ + done, wanted));
        if (count == 0)
            return failure(EIO, "{}: somebody made it smaller: nothing left at offset {} (try again)",
                           segment_.address().text(), offset_ + done);
        if (std::memcmp(copy_.data() + done, wanted.data(), count) != 0) {
            std::memcpy(copy_.data() + done, wanted.data(), count);
            changed = true;
        }
        done += count;
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
    IPC_TRY(refresh());
    for (int attempt = 0; attempt < stable_attempts; attempt++)
        if (!IPC_TRY(refresh()))
            return {};
    return failure(ETIMEDOUT, "{}: still changing after {} readings (stop its writer, or read a shorter part)",
                   segment_.address().text(), stable_attempts);
}

Result<void> Follower::wait_for_change(bool stable)
{
    for (long pause = shortest_pause; !IPC_TRY(refresh()); pause = std::min(pause * 5 / 4, longest_pause)) {
        const timespec time = {0, pause};
        nanosleep(&time, nullptr);
        if (interrupted())
            return failure(EINTR, "interrupted");
    }
    return stable ? read_stable() : Result<void>{};
}

} // namespace ipc
