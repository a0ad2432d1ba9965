// SPDX-License-Identifier: MIT
// Two segments, of whatever mechanisms, byte by byte.
#pragma once

#include "segment.hpp"

#include <ipc/result.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace ipc {

/// How a comparison goes.
struct Comparison {
    std::uint64_t offset, length; // in both
    bool stable;                  // of stable copies, each whole in memory; else in pieces, as they are when read
    bool lit;                     // let bytes that differ stand out
    /// Receives the lines that differ, behind two that name the segments. Without it the first difference ends it.
    std::function<Result<void>(std::string_view text)> print;
};

/// True if they are equal. EIO if one of them has become too short meanwhile.
Result<bool> compare(Segment &first, Segment &second, const Comparison &comparison);

} // namespace ipc
