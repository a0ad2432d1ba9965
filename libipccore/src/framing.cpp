// SPDX-License-Identifier: MIT
#include "framing.hpp"

#include "byte_count.hpp"
#include "descriptors.hpp"
#include "error.hpp"
#include "escapes.hpp"
#include "message_json.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>

namespace ipc {

namespace {

constexpr std::size_t first_capacity = 128 * 1024;
constexpr std::size_t read_size = 64 * 1024; // what a pipe holds, unless it was grown
constexpr std::size_t prefix_size = 4;

constexpr std::size_t most_records = 64; // at once

/// Room for a JSON line whose payload is of `largest` bytes: each may be written as \u00NN.
std::uint64_t largest_json_line(std::uint64_t largest)
{
    constexpr std::uint64_t rest = 4096, most = std::numeric_limits<std::uint64_t>::max();
    return largest > (most - rest) / 6 ? most : largest * 6 + rest;
}

Error record_too_large(std::uint64_t number, std::uint64_t size, std::uint64_t largest, const char *at_least)
{
    return failure(EMSGSIZE,
                   "record {} has {}{} bytes and the queue takes {} in one message (split it, or make the queue with a "
                   "larger --max-size)",
                   number, at_least, size, largest);
}

bool is_blank(std::span<const std::byte> line)
{
    return std::ranges::all_of(line, [](std::byte byte) {
        return byte == std::byte(' ') || byte == std::byte('\t') || byte == std::byte('\r');
    });
}

} // namespace

Error record_too_large(std::uint64_t number, std::uint64_t size, std::uint64_t largest)
{
    return record_too_large(number, size, largest, "");
}

Result<char> parse_delimiter(std::string_view text)
{
    if (text.size() == 1)
        return text.front();
    std::string_view rest = text;
    if (text.empty() || text.front() != '\\')
        return usage_error("a delimiter is one byte (\\n, \\t, \\0, \\xNN or the byte itself)");
    rest.remove_prefix(1);
    const char delimiter = IPC_TRY(take_escape(rest));
    if (!rest.empty())
        return usage_error("a delimiter is one byte (\\n, \\t, \\0, \\xNN or the byte itself)");
    return delimiter;
}

struct RecordReader::State {
    int fd;
    Framing framing;
    std::uint64_t largest;
    std::unique_ptr<std::byte[]> buffer = {};
    std::size_t capacity = 0;
    std::size_t begin = 0, end = 0;                 // what is read and not yet a record
    std::size_t searched = 0;                       // from begin, without finding a delimiter
    std::uint64_t number = 1;                       // of the record, or line, that comes next
    std::uint64_t given = 0;                        // records
    std::size_t first_given = 0;                    // where those begin that were given since the last read
    std::uint64_t given_before = 0;                 // records, up to the last read
    bool ended = false;                             // whole: the one record was given
    std::string payload = {};                       // json
    std::array<Message, most_records> records = {}; // what was found last
    std::size_t found = 0;
    std::function<Result<void>()> before_reading = {};

    std::size_t waiting() const { return end - begin; }
    Result<void> make_room();
    Result<bool> fill();
    Result<bool> fill_to(std::size_t bytes);
    void take(std::size_t length, std::size_t behind);
    RecordBlock block();

    Result<void> find_one();
    Result<void> find();
    Result<void> delimited(char delimiter, std::uint64_t most);
    void more_delimited();
    Result<void> whole();
    std::size_t prefix() const;
    Result<void> length_prefixed();
    void more_prefixed();
    Result<void> json();
    Result<void> chunk();

    Error too_large(std::uint64_t size, const char *at_least) const
    {
        return record_too_large(number, size, largest, at_least);
    }
};

/// Behind what is read, for the next read: by moving the rest to the front, else by a larger buffer.
Result<void> RecordReader::State::make_room()
{
    if (begin == end)
        begin = end = 0;
    first_given = begin;
    given_before = given;
    if (capacity - end >= read_size)
        return {};
    if (capacity - waiting() >= read_size) {
        std::memmove(buffer.get(), buffer.get() + begin, waiting());
    } else {
        const std::size_t larger = capacity ? capacity * 2 : first_capacity;
        std::unique_ptr<std::byte[]> grown(new (std::nothrow) std::byte[larger]);
        if (!grown)
            return failure(ENOMEM, "no memory for record {}, which has at least {} bytes", number, waiting());
        std::copy_n(buffer.get() + begin, waiting(), grown.get());
        buffer = std::move(grown);
        capacity = larger;
    }
    end = waiting();
    begin = first_given = 0;
    return {};
}

/// Read what there is; false at the end of the stream.
Result<bool> RecordReader::State::fill()
{
    if (before_reading)
        IPC_TRY(before_reading());
    IPC_TRY(make_room());
    for (;;) {
        const ssize_t count = ::read(fd, buffer.get() + end, capacity - end);
        if (count >= 0) {
            end += std::size_t(count);
            return count > 0;
        }
        if (!should_retry_at(fd, POLLIN))
            return errno == EINTR ? failure(EINTR, "interrupted") : Error::system("the input cannot be read");
    }
}

/// Until so many bytes wait; false if the stream ends before.
Result<bool> RecordReader::State::fill_to(std::size_t bytes)
{
    while (waiting() < bytes)
        if (!IPC_TRY(fill()))
            return false;
    return true;
}

void RecordReader::State::take(std::size_t length, std::size_t behind)
{
    records[found++] = message_of({buffer.get() + begin, length});
    begin += length + behind;
    searched = 0;
    ++number;
}

Result<void> RecordReader::State::delimited(char delimiter, std::uint64_t most)
{
    for (;;) {
        std::byte *from = buffer.get() + begin;
        if (waiting() > searched)
            if (void *hit = std::memchr(from + searched, delimiter, waiting() - searched)) {
                const auto length = std::size_t(static_cast<std::byte *>(hit) - from);
                if (length > most)
                    return too_large(length, "");
                take(length, 1);
                return {};
            }
        searched = waiting();
        if (searched > most)
            return too_large(searched, "at least ");
        if (!IPC_TRY(fill()))
            break;
    }
    if (waiting())
        take(waiting(), 0);
    return {};
}

/// More of them, as far as they have been read; what is wrong with one is said when it comes first.
void RecordReader::State::more_delimited()
{
    const std::byte *from = buffer.get() + begin;
    const std::byte *const stop = buffer.get() + end;
    const std::size_t before = found;
    while (found < records.size() && from < stop) {
        const void *hit = std::memchr(from, framing.delimiter, std::size_t(stop - from));
        const auto length = std::size_t((hit ? static_cast<const std::byte *>(hit) : stop) - from);
        if (!hit)
            searched = length;
        if (!hit || length > largest)
            break;
        records[found++] = message_of({from, length});
        from += length + 1;
    }
    begin = std::size_t(from - buffer.get());
    number += found - before;
}

Result<void> RecordReader::State::whole()
{
    if (ended)
        return {};
    while (IPC_TRY(fill()))
        if (waiting() > largest)
            return too_large(waiting(), "at least ");
    ended = true;
    take(waiting(), 0);
    return {};
}

/// The length that the next record says it has.
std::size_t RecordReader::State::prefix() const
{
    std::size_t length = 0;
    for (std::size_t i = 0; i < prefix_size; ++i)
        length = length << 8 | std::to_integer<std::size_t>(buffer[begin + i]);
    return length;
}

Result<void> RecordReader::State::length_prefixed()
{
    if (!IPC_TRY(fill_to(prefix_size))) {
        if (!waiting())
            return {};
        return failure(EINVAL, "the input ends inside the length of record {} (a length has {} bytes, {} are there)",
                       number, prefix_size, waiting());
    }
    const std::size_t length = prefix();
    if (length > largest)
        return too_large(length, "");
    if (!IPC_TRY(fill_to(prefix_size + length)))
        return failure(EINVAL, "the input ends inside record {} ({} of its {} bytes are there)", number,
                       waiting() - prefix_size, length);
    begin += prefix_size;
    take(length, 0);
    return {};
}

void RecordReader::State::more_prefixed()
{
    while (found < records.size() && waiting() >= prefix_size && prefix() <= largest &&
           waiting() - prefix_size >= prefix()) {
        const std::size_t length = prefix();
        begin += prefix_size;
        take(length, 0);
    }
}

Result<void> RecordReader::State::json()
{
    for (;;) {
        const std::uint64_t line = number;
        found = 0;
        IPC_TRY(delimited('\n', largest_json_line(largest)));
        if (!found)
            return {};
        const std::span<const std::byte> text = payload_of(records[0]);
        if (is_blank(text))
            continue;
        const Result<Message> message =
            parse_json_message({reinterpret_cast<const char *>(text.data()), text.size()}, payload);
        if (message && message.value().length <= largest) {
            records[0] = message.value();
            return {};
        }
        begin = std::size_t(text.data() - buffer.get()); // no record
        number = line;
        if (!message)
            return failure(message.error().code(), "line {}: {}", line, message.error().text());
        return too_large(message.value().length, "");
    }
}

/// What a read gives goes on at once, since somebody may wait for it.
Result<void> RecordReader::State::chunk()
{
    if (ended)
        return {};
    if (!waiting())
        ended = !IPC_TRY(fill());
    take(std::min<std::uint64_t>(waiting(), std::min<std::uint64_t>(largest, read_size)), 0);
    return {};
}

std::string RecordFrame::opening(std::uint64_t length) const
{
    std::string prefix;
    for (std::size_t i = front(); i-- > 0;)
        prefix += static_cast<char>(length >> (8 * i) & 0xff);
    return prefix;
}

RecordReader::RecordReader(int fd, Framing framing, std::uint64_t largest)
    : state_(new State{.fd = fd, .framing = framing, .largest = largest})
{
    if (framing.kind == Framing::Kind::chunks && is_pipe(fd))
        grow_pipe(fd);
}

RecordReader::~RecordReader() = default;

/// As far as they have been read. A block that is larger than a record may be could hold one that is too large.
RecordBlock RecordReader::State::block()
{
    const std::byte *from = buffer.get() + begin;
    const void *last = waiting() && waiting() <= largest ? ::memrchr(from, framing.delimiter, waiting()) : nullptr;
    if (!last)
        return {};
    const std::span<const std::byte> bytes(from, std::size_t(static_cast<const std::byte *>(last) - from) + 1);
    const RecordBlock whole_ones = {bytes, count_byte(bytes, framing.delimiter)};
    begin += bytes.size();
    searched = 0;
    number += whole_ones.records;
    given += whole_ones.records;
    return whole_ones;
}

Result<RecordBlock> RecordReader::next_block()
{
    if (state_->framing.kind != Framing::Kind::delimited)
        return RecordBlock();
    RecordBlock found = state_->block();
    if (!found.records && IPC_TRY(state_->fill()))
        found = state_->block();
    return found;
}

void RecordReader::before_reading(std::function<Result<void>()> work) { state_->before_reading = std::move(work); }

Result<void> RecordReader::State::find_one()
{
    found = 0;
    switch (framing.kind) {
    case Framing::Kind::whole:
        return whole();
    case Framing::Kind::length_prefixed:
        return length_prefixed();
    case Framing::Kind::json:
        return json();
    case Framing::Kind::chunks:
        return chunk();
    case Framing::Kind::delimited:
        break;
    }
    return delimited(framing.delimiter, largest);
}

Result<void> RecordReader::State::find()
{
    IPC_TRY(find_one());
    if (framing.kind == Framing::Kind::delimited)
        more_delimited();
    if (framing.kind == Framing::Kind::length_prefixed)
        more_prefixed();
    given += found;
    return {};
}

std::uint64_t RecordReader::given() const { return state_->given; }

/// Records have no common length, so those that are not meant are found once more.
std::span<const std::byte> RecordReader::rest(std::uint64_t last)
{
    State &state = *state_;
    if (last) {
        state.begin = state.first_given;
        state.searched = 0;
        state.ended = false;
        const std::uint64_t given = state.given - state.given_before;
        for (std::uint64_t passed = given - std::min(last, given); passed; --passed)
            (void)state.find_one();
    }
    return {state.buffer.get() + state.begin, state.waiting()};
}

Result<std::span<Message>> RecordReader::next()
{
    IPC_TRY(state_->find());
    return std::span(state_->records).first(state_->found);
}

} // namespace ipc
