// SPDX-License-Identifier: MIT
// Copies of a segment that others write to: stable ones, and the next one that differs.
#pragma once

#include "segment.hpp"

#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ipc {

/// A private copy of a part of a segment. The segment must outlive it.
class Follower {
public:
    Follower(Segment &segment, std::uint64_t offset, std::uint64_t length);

    /// The copy, of the last reading.
    std::span<const std::byte> bytes() const { return copy_; }

    /// Read once: each byte is of some moment during the call.
    Result<void> read();
    /// Read until two readings in a row agree: all bytes stood together at the moment between them, unless a writer
    /// changed them and changed them back. ETIMEDOUT after some thousand attempts under a writer that never rests.
    Result<void> read_stable();
    /// Wait until a reading differs from the copy, which then is that reading. No mechanism tells about stores through
    /// a mapping, so this looks again every few milliseconds, and more rarely the longer nothing changes.
    Result<void> wait_for_change(bool stable);

private:
    /// Read again. True if something differed.
    Result<bool> refresh();
    Segment &segment_;
    std::uint64_t offset_;
    std::vector<std::byte> copy_;
    std::vector<std::byte> piece_;
};

} // namespace ipc
