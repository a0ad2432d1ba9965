// SPDX-License-Identifier: MIT
// Moving bytes between a segment and a descriptor, in the way that is fastest for the pair. The only place that does.
#pragma once

#include "progress.hpp"
#include "segment.hpp"

#include <ipc/result.hpp>

#include <cstdint>
#include <optional>

namespace ipc {

/// Write `length` bytes of `segment` from `offset` to `fd`. To a pipe, by reference to the pages where the kernel can:
/// splice from the segment's descriptor, or from /proc/self/map_files where there is none and it is permitted, else
/// vmsplice, each with the pipe grown to pipe-max-size; what is written later to the segment may then show on the other
/// side until it is read there. To anything else, copies: through a buffer that stays in the cache from a descriptor,
/// whose pages need not be mapped for that, else by 1 MiB writes from the mapping. Falls back silently.
///
/// `progress`, if there is one, is told of every step.
///
/// Holes of the segment are not filled by reading them, and become holes of a regular file that is written behind its
/// end. If the segment is truncated meanwhile the error says at which offset. EPIPE is an error like others: SIGPIPE is
/// the caller's business.
Result<void> copy_out(Segment &segment, std::uint64_t offset, std::uint64_t length, int fd,
                      Progress *progress = nullptr);

/// How copy_in ended.
struct Copied {
    std::uint64_t bytes; // written to the segment
    bool input_left;     // the end of the room was reached before the end of the input
};

/// Whether the memory that is written to was there before, or is that of a segment just made: zeros, behind which there
/// may be no pages yet, and which nobody else makes smaller.
enum class Target { used, fresh };

/// Read `fd` to its end into `segment` at `offset`, at most `room` bytes, from a grown pipe. Into used memory straight,
/// by the mapping; into fresh memory by the descriptor where there is one, since writing whole pages saves the kernel
/// from clearing them before. Holes of a file stay holes of fresh memory. EIO with the offset if a peer truncates the
/// segment meanwhile.
Result<Copied> copy_in(int fd, Segment &segment, std::uint64_t offset, std::uint64_t room, Target target,
                       Progress *progress = nullptr);

/// The same from an input whose length shows only at its end, into a segment that can be resized: it grows with the
/// input, always with memory or blocks behind it, and ends where the input does, or `room` bytes behind `offset`; a
/// segment of huge pages at the end of a page. No more than a buffer is kept by this process.
///
/// If that fails, as for want of room, a used segment gets its old size back and the error says what is in it: nothing
/// of it is overwritten before the input has ended, unless that is long (64 MiB).
Result<Copied> grow_in(int fd, Segment &segment, std::uint64_t offset, std::uint64_t room, Target target,
                       Progress *progress = nullptr);

/// How many bytes `fd` will give, where that can be known beforehand: a regular file, from its offset on. (Files of
/// /proc say 0 and give more.)
std::optional<std::uint64_t> bytes_to_come(int fd);

} // namespace ipc
