// SPDX-License-Identifier: MIT
// Records in byte streams: where one message ends and the next begins.
#pragma once

#include "queue.hpp"

#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// How records stand in a stream.
struct Framing {
    /// delimited: each is followed by the delimiter. whole: there is one, the whole stream; when writing, records
    /// stand one behind the other. length_prefixed: behind its length, 4 bytes, the most significant first. json: JSON
    /// Lines, see message_json.hpp. chunks: no records but bytes as they come, and an empty record for the end; when
    /// writing, one stands behind the other.
    enum class Kind { delimited, whole, length_prefixed, json, chunks };
    Kind kind = Kind::delimited;
    char delimiter = '\n';
};

/// `\n`, `\t`, `\r`, `\0`, `\\`, `\xNN`, or one byte that stands for itself. A usage error otherwise.
Result<char> parse_delimiter(std::string_view text);

/// Records as they stood, each with its delimiter.
struct RecordBlock {
    std::span<const std::byte> bytes = {};
    std::uint64_t records = 0;
};

/// A message that no queue of messages up to `largest` bytes takes; names both sizes. EMSGSIZE.
Error record_too_large(std::uint64_t number, std::uint64_t size, std::uint64_t largest);

/// Reads records from a descriptor, straight from a large read buffer: no copy, no allocation per record.
class RecordReader {
public:
    /// `largest` bounds one record in bytes: a longer one is an error that names both sizes and the record's number
    /// (EMSGSIZE), without reading on to its end. `fd` stays the caller's.
    RecordReader(int fd, Framing framing, std::uint64_t largest);
    ~RecordReader();
    /// The next records, which have been read by then; none at the end of the stream. Their bytes lie in the reader's
    /// buffer, so all is valid until more is asked for, and JSON Lines say priority and type beside them. A last line
    /// without its delimiter is a record, and so is an empty one with it. A stream that ends inside a length-prefixed
    /// record is an error, and so is malformed JSON (with its line number; blank lines are passed over). EINTR once
    /// interrupted().
    Result<std::span<Message>> next();
    /// Many whole records as one block, of a stream whose records are delimited. Reads at most once; empty if that does
    /// not complete one, which next() then does. Valid as records are.
    Result<RecordBlock> next_block();
    /// How many records were given.
    std::uint64_t given() const;
    /// The bytes that were read, from the first of the `last` records on that were given last, or from those that
    /// nobody asked for yet, as they stood. `last` records have been given since the work before_reading() was done.
    /// Ends reading; valid while the reader lives.
    std::span<const std::byte> rest(std::uint64_t last);
    /// Call `work` before each read, which may have to wait; its error becomes next()'s.
    void before_reading(std::function<Result<void>()> work);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// What stands around a record when it is written, put there in place. JSON Lines count as delimited.
class RecordFrame {
public:
    explicit RecordFrame(Framing framing) : framing_(framing) {}

    /// Bytes in front of a record and behind it.
    std::size_t front() const { return framing_.kind == Framing::Kind::length_prefixed ? 4 : 0; }
    std::size_t back() const { return framing_.kind == Framing::Kind::delimited || is_json() ? 1 : 0; }

    /// What stands in front of a record of `length` bytes, and behind it, where it is not framed in place.
    std::string opening(std::uint64_t length) const;
    std::string closing() const
    {
        return back() ? std::string(1, is_json() ? '\n' : framing_.delimiter) : std::string();
    }

    /// The byte behind each record, where that is all that stands around it.
    std::optional<char> delimiter() const
    {
        return framing_.kind == Framing::Kind::delimited ? std::optional(framing_.delimiter) : std::nullopt;
    }

    /// Complete the frame that starts at `frame`: the record, of `length` bytes, stands front() bytes behind. There is
    /// room for back() bytes more. Returns the length of all.
    std::size_t close(std::byte *frame, std::size_t length) const
    {
        if (front())
            for (std::size_t i = 0; i < front(); ++i)
                frame[i] = std::byte(length >> (8 * (front() - 1 - i)) & 0xff);
        if (back())
            frame[front() + length] = std::byte(is_json() ? '\n' : framing_.delimiter);
        return front() + length + back();
    }

private:
    bool is_json() const { return framing_.kind == Framing::Kind::json; }
    Framing framing_;
};

} // namespace ipc
