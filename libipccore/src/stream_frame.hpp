// SPDX-License-Identifier: MIT
// How records stand in a stream, so that it is a queue: both ends must mean the same.
#pragma once

#include <ipc/result.hpp>

#include <cstddef>
#include <string_view>

namespace ipc {

/// line, null: each is followed by a newline or a NUL byte, and so holds none. length: behind its length, 4 bytes, the
/// most significant first.
enum class StreamFrame { line, null, length };

/// The key under which an address says it, for streams of every mechanism. It does not reach their plugins.
inline constexpr std::string_view frame_key = "frame";

inline constexpr std::size_t length_prefix_size = 4;

/// "line", "null", "length". The error is a usage error.
Result<StreamFrame> parse_stream_frame(std::string_view text);
std::string_view text_of(StreamFrame frame);

/// The byte behind each record, for frames that are no lengths.
constexpr char delimiter_of(StreamFrame frame) { return frame == StreamFrame::null ? '\0' : '\n'; }

} // namespace ipc
