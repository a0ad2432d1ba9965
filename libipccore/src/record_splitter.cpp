// SPDX-License-Identifier: MIT
#include "record_splitter.hpp"

#include "error.hpp"
#include "printable.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace ipc {
namespace {

constexpr std::size_t first_capacity = 2 * RecordSplitter::least_room;
// Text that is taken for a length is at least 0x20202020, and so more than this.
constexpr std::uint64_t largest_sensible_length = 0x10000000;

} // namespace

Result<std::span<std::byte>> RecordSplitter::room()
{
    if (begin_ == end_)
        begin_ = end_ = 0;
    if (capacity_ - end_ < least_room && capacity_ - waiting() >= least_room) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, waiting());
        end_ = waiting();
        begin_ = 0;
    } else if (capacity_ - end_ < least_room) {
        const std::size_t larger = capacity_ ? capacity_ * 2 : first_capacity;
        std::unique_ptr<std::byte[]> grown(new (std::nothrow) std::byte[larger]);
        if (!grown)
            return failure(ENOMEM, "no memory for a record, which has at least {} bytes", waiting());
        std::copy_n(buffer_.get() + begin_, waiting(), grown.get());
        buffer_ = std::move(grown);
        capacity_ = larger;
        end_ = waiting();
        begin_ = 0;
    }
    return std::span(buffer_.get() + end_, least_room);
}

RecordSplitter::Piece RecordSplitter::next()
{
    if (passing_over_)
        return pass_over();
    return frame_ == StreamFrame::length ? next_prefixed() : next_delimited();
}

RecordSplitter::Piece RecordSplitter::next_delimited()
{
    const std::byte *from = buffer_.get() + begin_;
    if (waiting() > searched_)
        if (const void *hit = std::memchr(from + searched_, delimiter_of(frame_), waiting() - searched_)) {
            const auto length = std::size_t(static_cast<const std::byte *>(hit) - from);
            begin_ += length + 1;
            searched_ = 0;
            if (length > largest_)
                return {Kind::too_large, {}, length};
            return {Kind::record, {from, length}, length};
        }
    searched_ = waiting();
    if (searched_ <= largest_)
        return {Kind::none};
    passing_over_ = true;
    passed_ = searched_;
    begin_ = end_;
    searched_ = 0;
    return {Kind::none};
}

std::uint64_t RecordSplitter::length_at(std::size_t at) const
{
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < length_prefix_size; ++i)
        length = length << 8 | std::to_integer<std::uint64_t>(buffer_[at + i]);
    return length;
}

bool RecordSplitter::is_senseless(std::uint64_t length) const
{
    return length > std::max(largest_, largest_sensible_length);
}

RecordSplitter::Piece RecordSplitter::next_prefixed()
{
    if (waiting() < length_prefix_size)
        return {Kind::none};
    const std::uint64_t length = length_at(begin_);
    if (is_senseless(length))
        return {Kind::senseless, {}, length};
    if (length > largest_) {
        begin_ += length_prefix_size;
        passing_over_ = true;
        passed_ = 0;
        to_pass_ = length;
        return pass_over();
    }
    if (waiting() - length_prefix_size < length)
        return {Kind::none};
    const std::byte *from = buffer_.get() + begin_ + length_prefix_size;
    begin_ += length_prefix_size + length;
    return {Kind::record, {from, length}, length};
}

std::span<const std::byte> RecordSplitter::take_block(std::size_t most, char delimiter)
{
    most = std::min(most, waiting());
    if (frame_ == StreamFrame::length || delimiter != delimiter_of(frame_) || passing_over_ || !most || most > largest_)
        return {};
    const std::byte *from = buffer_.get() + begin_;
    const void *last = ::memrchr(from, delimiter, most);
    const std::size_t length = last ? std::size_t(static_cast<const std::byte *>(last) - from) + 1 : 0;
    begin_ += length;
    searched_ = length ? 0 : searched_;
    return {from, length};
}

/// Of a record that is too large, what was read.
RecordSplitter::Piece RecordSplitter::pass_over()
{
    const std::byte *from = buffer_.get() + begin_;
    std::size_t count = waiting(), delimiter = 0;
    bool ends = false;
    if (frame_ == StreamFrame::length) {
        count = std::size_t(std::min<std::uint64_t>(count, to_pass_ - passed_));
        ends = passed_ + count == to_pass_;
    } else if (const void *hit = count ? std::memchr(from, delimiter_of(frame_), count) : nullptr) {
        count = std::size_t(static_cast<const std::byte *>(hit) - from);
        delimiter = 1;
        ends = true;
    }
    begin_ += count + delimiter;
    passed_ += count;
    if (!ends)
        return {Kind::none};
    passing_over_ = false;
    return {Kind::too_large, {}, passed_};
}

std::size_t RecordSplitter::extent(std::uint64_t &records) const
{
    std::size_t at = begin_;
    std::uint64_t to_pass = passing_over_ ? to_pass_ - passed_ : 0;
    while (records && at < end_) {
        if (frame_ != StreamFrame::length) {
            const void *hit = std::memchr(buffer_.get() + at, delimiter_of(frame_), end_ - at);
            if (!hit)
                break;
            at = std::size_t(static_cast<const std::byte *>(hit) - buffer_.get()) + 1;
        } else {
            const bool inside = passing_over_ && at == begin_;
            if (!inside && end_ - at < length_prefix_size)
                break;
            const std::uint64_t length = inside ? to_pass : length_at(at);
            const std::size_t start = at + (inside ? 0 : length_prefix_size);
            if (end_ - start < length)
                break;
            at = start + std::size_t(length);
        }
        --records;
    }
    return records ? waiting() : at - begin_;
}

std::uint64_t RecordSplitter::whole_records() const
{
    constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t left = all;
    (void)extent(left);
    return all - left;
}

std::string RecordSplitter::cut_off() const
{
    if (passing_over_ || (frame_ == StreamFrame::length && waiting() >= length_prefix_size)) {
        const std::uint64_t there = passing_over_ ? passed_ : waiting() - length_prefix_size;
        if (frame_ != StreamFrame::length)
            return fmt::format("a record of at least {} bytes", there);
        return fmt::format("a record of {} bytes, of which {} came", passing_over_ ? to_pass_ : length_at(begin_),
                           there);
    }
    if (!waiting())
        return {};
    if (frame_ == StreamFrame::length)
        return fmt::format("a record inside its length, of which {} bytes came", waiting());
    constexpr std::size_t shown = 40;
    const std::string_view begins(reinterpret_cast<const char *>(buffer_.get() + begin_), std::min(waiting(), shown));
    return fmt::format("a record of {} bytes, \"{}\"{}, which ends without its {}", waiting(), printable(begins),
                       waiting() > shown ? " and more" : "", frame_ == StreamFrame::null ? "NUL" : "newline");
}

} // namespace ipc
