// SPDX-License-Identifier: MIT
// What the ways of a transfer share; for the files of transfer.hpp alone.
#pragma once

#include "progress.hpp"
#include "segment.hpp"
#include "transfer.hpp"

#include <ipc/result.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ipc {

/// Small enough to stay in the cache between being filled and being emptied, and smaller than a grown pipe, so that its
/// other side works while the next pages are being touched.
inline constexpr std::size_t copy_chunk = 256 << 10;

/// The error of a segment that ends at `offset` by now.
Error truncated(const Segment &segment, std::uint64_t offset);

/// `what` was being done when the segment stood at `offset`.
Error failed_at(const Segment &segment, const char *what, std::uint64_t offset, int code = errno);

/// All of the segment's memory, if it still reaches to `end`.
Result<std::span<std::byte>> memory_up_to(Segment &segment, std::uint64_t end);

/// Does the user want to stop?
bool should_stop();

/// Can the memory be written to by its descriptor? Huge pages have one, and cannot.
bool is_writable(int descriptor);

/// Write all of `bytes` to the segment's descriptor.
Result<void> write_at(const Segment &segment, int descriptor, std::span<const std::byte> bytes, std::uint64_t offset);

/// Where input is read to, and what makes it part of the segment.
class Destination {
public:
    virtual ~Destination() = default;
    /// Room for the next bytes, which belong behind the `copied` first ones; at most `length`.
    virtual std::span<std::byte> room(std::uint64_t copied, std::uint64_t length) = 0;
    /// `bytes`, read into that room, are to be at `offset` of the segment. Fewer are taken at the segment's end.
    virtual Result<std::uint64_t> take(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
};

/// Read `fd` to its end, at most `room` bytes, and let `to` take them.
Result<Copied> copy_to(Destination &to, int fd, Segment &segment, std::uint64_t offset, std::uint64_t room,
                       Progress *progress);

/// Write `bytes` into the segment: by `descriptor`, or where that is -1 by the mechanism. How many there was room for.
Result<std::uint64_t> write_into(Segment &segment, int descriptor, std::span<const std::byte> bytes,
                                 std::uint64_t offset);

/// Copy `length` bytes of a regular file, from its offset on, into fresh memory (Target::fresh) that can be mapped or
/// has a descriptor. How many bytes there were; the file's offset is behind them.
Result<std::uint64_t> copy_file_in(int fd, Segment &segment, std::uint64_t offset, std::uint64_t length,
                                   Progress *progress);

} // namespace ipc
