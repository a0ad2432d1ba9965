// SPDX-License-Identifier: MIT
// Copies of a segment that others write to: stable ones, and the next one that differs.
#pragma once

#include "name_watch.hpp"
#include "segment.hpp"

#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ipc {

/// Read all of `into` from `offset` on; EIO if the segment has become too short for it.
Result<void> read_whole(Segment &segment, std::uint64_t offset, std::span<std::byte> into);

/// A private copy of a part of a segment. The segment must outlive it.
class Follower {
public:
    /// ENOMEM if the part, of whose size others decide, is more than a process can have.
    static Result<Follower> create(Segment &segment, std::uint64_t offset, std::uint64_t length);

    /// The copy, of the last reading.
    std::span<const std::byte> bytes() const { return copy_; }

    /// Read once: each byte is of some moment during the call.
    Result<void> read();
    /// Read bytes that stood together. Where the segment's address names a sequence word: read between two writes,
    /// which is certain if all writers keep to the convention; ETIMEDOUT if none of the readings of some seconds was,
    /// as after a writer that died while it wrote; ERANGE if the segment has no such word. Otherwise: read until two
    /// readings in a row agree, when all bytes stood together at the moment between them, unless a writer changed them
    /// and changed them back; ETIMEDOUT after some thousand attempts under a writer that never rests.
    Result<void> read_stable();
    /// Wait until a reading differs from the copy, which then is that reading; if it is to be stable and there is a
    /// sequence word, until that word has another value than at the last reading. No mechanism tells about stores
    /// through a mapping, so this looks again every few milliseconds, and more rarely the longer nothing changes.
    /// EIDRM once the segment was removed or replaced.
    Result<void> wait_for_change(bool stable);

private:
    Follower(Segment &segment, std::uint64_t offset, std::uint64_t length);
    /// Read again. True if something differed.
    Result<bool> refresh();
    Result<std::uint64_t> sequence();
    Result<void> read_between_writes();
    Segment &segment_;
    std::uint64_t offset_;
    std::uint64_t sequence_ = 0; // of the copy
    std::vector<std::byte> copy_;
    std::vector<std::byte> piece_;
    std::optional<NameWatch> name_; // once it is waited
};

} // namespace ipc
