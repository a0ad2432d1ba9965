// SPDX-License-Identifier: MIT
// Moving bytes between a segment and a descriptor, in the way that is fastest for the pair. The only place that does.
#pragma once

#include "segment.hpp"

#include <ipc/result.hpp>

#include <cstdint>
#include <optional>

namespace ipc {

/// Live pages may be spliced: what is written later to the segment may show on the other side of the pipe until it is
/// read there. Copied bytes are those of one moment each.
enum class Pages { live, copied };

/// Write `length` bytes of `segment` from `offset` to `fd`. To a pipe: splice from the segment's descriptor, or from
/// /proc/self/map_files where there is none and it is permitted, else vmsplice, each with the pipe grown to
/// pipe-max-size; to anything else: 1 MiB writes from the mapping. Falls back silently. If the segment is truncated
/// meanwhile the error says at which offset. EPIPE is an error like others: SIGPIPE is the caller's business.
Result<void> copy_out(Segment &segment, std::uint64_t offset, std::uint64_t length, int fd, Pages pages);

/// How copy_in ended.
struct Copied {
    std::uint64_t bytes; // written to the segment
    bool input_left;     // the end of the room was reached before the end of the input
};

/// Read `fd` to its end into `segment` at `offset`, at most `room` bytes: 1 MiB reads from a grown pipe, straight into
/// the mapping.
Result<Copied> copy_in(int fd, Segment &segment, std::uint64_t offset, std::uint64_t room);

/// How many bytes `fd` will give, where that can be known beforehand: a regular file, from its offset on. (Files of
/// /proc say 0 and give more.)
std::optional<std::uint64_t> bytes_to_come(int fd);

} // namespace ipc
