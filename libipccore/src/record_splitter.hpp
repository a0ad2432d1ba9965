// SPDX-License-Identifier: MIT
// Cuts the bytes of one sender into records. The sender may be anybody, and say anything.
#pragma once

#include "stream_frame.hpp"

#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace ipc {

/// Holds what was read of a stream and not yet taken. Its buffer grows with records, never beyond what one of `largest`
/// bytes needs; what is larger is passed over.
class RecordSplitter {
public:
    static constexpr std::size_t least_room = 64 * 1024; // what a pipe holds, unless it was grown

    RecordSplitter(StreamFrame frame, std::uint64_t largest) : frame_(frame), largest_(largest) {}

    /// Where to read the next bytes, at least least_room; filled() says how many came. Ends the life of pieces. ENOMEM.
    Result<std::span<std::byte>> room();
    void filled(std::size_t count) { end_ += count; }

    enum class Kind {
        record,    // whole: `bytes`, valid until room()
        too_large, // one of `size` bytes was passed over, and others may follow
        senseless, // a length of `size` that nothing could follow: no record can be found any more
        none       // more bytes are needed
    };
    struct Piece {
        Kind kind;
        std::span<const std::byte> bytes = {};
        std::uint64_t size = 0;
    };
    /// The next of what was read.
    Piece next();

    /// As many whole records as `most` bytes hold, each with its delimiter, where that is the frame and none of them
    /// can be too large. Empty if there are none.
    std::span<const std::byte> take_block(std::size_t most, char delimiter);

    /// How far the first `records` whole ones reach that next() would give, in bytes; all of what was read if there are
    /// fewer. What is passed over counts as one. `records` becomes how many are left to find.
    std::size_t extent(std::uint64_t &records) const;
    /// How many of them there are.
    std::uint64_t whole_records() const;
    /// Bytes that were read and not yet taken. forget() those behind the first `count`.
    std::size_t waiting() const { return end_ - begin_; }
    void forget_behind(std::size_t count) { end_ = begin_ + count; }

    /// Of a stream that has ended: what it cut off, as a phrase that begins with "a record"; empty if nothing.
    std::string cut_off() const;

private:
    Piece next_delimited();
    Piece next_prefixed();
    Piece pass_over();
    std::uint64_t length_at(std::size_t at) const;
    bool is_senseless(std::uint64_t length) const;

    StreamFrame frame_;
    std::uint64_t largest_;
    std::unique_ptr<std::byte[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0, end_ = 0;
    std::size_t searched_ = 0;  // from begin_, without finding a delimiter
    bool passing_over_ = false; // inside a record that is too large
    std::uint64_t passed_ = 0;  // of it
    std::uint64_t to_pass_ = 0; // length: all of it
};

} // namespace ipc
