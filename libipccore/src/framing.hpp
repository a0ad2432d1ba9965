// SPDX-License-Identifier: MIT
// Records in byte streams: where one message ends and the next begins.
#pragma once

#include "queue.hpp"

#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipc
{

/// How records stand in a stream.
struct Framing {
    enum class Kind { delimited, whole, length_prefixed, json };
    Kind kind = Kind::delimited;
    char delimiter = '\n';
};

/// "\n", "\t", "\0", "\\", "\xNN" or one byte that stands for itself.
Result<char> parse_delimiter(std::string_view text);

/// One record as read: its bytes, and what JSON Lines say beside them. `bytes` points into the reader's buffer and is
/// valid until the next record is asked for.
struct Record {
    std::span<const std::byte> bytes;
    std::optional<std::uint32_t> priority;
    std::optional<std::int64_t> type;
};

/// Reads records from a descriptor, straight from a large read buffer: no copy, no allocation per record.
class RecordReader
{
public:
    /// `largest` bounds one record in bytes: a longer one is an error that names both sizes (EMSGSIZE), without reading
    /// on to its end.
    RecordReader(int fd, Framing framing, std::uint64_t largest);
    ~RecordReader();
    /// The next record; nothing at the end of the stream. A last line without its delimiter is a record. A stream that
    /// ends inside a length-prefixed record is an error, and so is malformed JSON (with its line number).
    Result<std::optional<Record>> next();

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace ipc
