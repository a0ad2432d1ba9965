// SPDX-License-Identifier: MIT
// The convention by which a segment's writers say when its bytes belong together: a word that is odd while one of them
// writes, and even and higher than before once it has (a sequence lock). Readers take no lock, and write nothing.
#pragma once

#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ipc {

/// Where the word is: an unsigned number in the byte order of the machine.
struct SequenceWord {
    std::uint64_t offset; // from the beginning of the segment, a multiple of `bytes`
    std::size_t bytes;    // 4 or 8
};

/// The key under which an address says it, for segments of every mechanism. It does not reach their plugins.
inline constexpr std::string_view sequence_key = "seq";

/// "u32@0", "u64@4K". The error is a usage error.
Result<SequenceWord> parse_sequence_word(std::string_view text);
std::string text_of(const SequenceWord &word);

} // namespace ipc
