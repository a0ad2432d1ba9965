// SPDX-License-Identifier: MIT
#include "framing.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

using namespace ipc;
using namespace std::string_literals;

namespace {

/// All records of `stream`, which arrives in pieces of `piece` bytes; `error` receives why it ended early.
std::vector<std::string> read_all(const std::string &stream, Framing framing, std::uint64_t largest, std::size_t piece,
                                  std::string *error = nullptr)
{
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::thread writer([&] {
        for (std::size_t at = 0; at < stream.size(); at += piece)
            if (::write(ends[1], stream.data() + at, std::min(piece, stream.size() - at)) < 0)
                break;
        ::close(ends[1]);
    });
    std::vector<std::string> records;
    RecordReader reader(ends[0], framing, largest);
    for (;;) {
        const Result<std::span<Message>> next = reader.next();
        if (!next && error)
            *error = next.error().text();
        if (!next || next.value().empty())
            break;
        for (const Message &record : next.value())
            records.emplace_back(static_cast<const char *>(record.bytes), record.length);
    }
    char rest[4096];
    while (::read(ends[0], rest, sizeof rest) > 0)
        ;
    writer.join();
    ::close(ends[0]);
    return records;
}

using Records = std::vector<std::string>;
constexpr Framing lines = {};
constexpr Framing nul = {Framing::Kind::delimited, '\0'};
constexpr Framing whole = {Framing::Kind::whole};
constexpr Framing prefixed = {Framing::Kind::length_prefixed};
constexpr Framing json = {Framing::Kind::json};

} // namespace

TEST_CASE("lines end with their delimiter, the last one with the stream")
{
    for (std::size_t piece : {1, 3, 4096}) {
        CHECK(read_all("", lines, 10, piece).empty());
        CHECK(read_all("\n", lines, 10, piece) == Records{""});
        CHECK(read_all("a\n\nb", lines, 10, piece) == Records{"a", "", "b"});
        CHECK(read_all("a\nb\n", lines, 10, piece) == Records{"a", "b"});
        CHECK(read_all("a\n\0b\0\0"s, nul, 10, piece) == Records{"a\n", "b", ""});
    }
}

TEST_CASE("records survive any division of the stream, and larger ones than the buffer")
{
    std::string stream;
    Records expected;
    for (std::size_t i = 0; i < 700; ++i) {
        expected.emplace_back(i * 7919 % 3000, char('a' + i % 26));
        stream += expected.back() + '\n';
    }
    expected.emplace_back(400'000, 'x');
    stream += expected.back() + '\n';
    for (std::size_t piece : {1000, 65'536, 5'000'000})
        CHECK(read_all(stream, lines, 400'000, piece) == expected);
}

TEST_CASE("a record that is too large names both sizes and its number")
{
    std::string error;
    CHECK(read_all("ok\n12345\n", lines, 4, 100, &error) == Records{"ok"});
    CHECK(error.find("record 2 has 5 bytes and the queue takes 4") == 0);
    CHECK(read_all("1234\n", lines, 4, 100) == Records{"1234"});
    CHECK(read_all(std::string(1'000'000, 'x'), lines, 8192, 4096, &error).empty());
    CHECK(error.find("at least") != error.npos);
    CHECK(read_all("12345", whole, 4, 100, &error).empty());
    CHECK(error.find("at least 5 bytes") != error.npos);
    CHECK(read_all("\0\0\0\5abcde"s, prefixed, 4, 100, &error).empty());
    CHECK(error.find("record 1 has 5 bytes and the queue takes 4") == 0);
    CHECK(read_all("\xff\xff\xff\xff"s, prefixed, 4, 100, &error).empty());
    CHECK(error.find("4294967295") != error.npos);
    CHECK(read_all("{\"payload\":\"abcde\"}", json, 4, 100, &error).empty());
    CHECK(error.find("record 1 has 5 bytes and the queue takes 4") == 0);
}

TEST_CASE("the whole stream is one record, an empty stream an empty one")
{
    CHECK(read_all("a\nb\0c"s, whole, 10, 2) == Records{"a\nb\0c"s});
    CHECK(read_all("", whole, 10, 2) == Records{""});
}

TEST_CASE("length-prefixed records may be empty and may not be cut off")
{
    std::string error;
    for (std::size_t piece : {1, 100}) {
        CHECK(read_all("\0\0\0\1a\0\0\0\0\0\0\0\2\n\0"s, prefixed, 10, piece) == Records{"a", "", "\n\0"s});
        CHECK(read_all("\0\0\0\1a\0\0"s, prefixed, 10, piece, &error) == Records{"a"});
        CHECK(error.find("inside the length of record 2") != error.npos);
        CHECK(read_all("\0\0\0\5abc"s, prefixed, 10, piece, &error).empty());
        CHECK(error.find("inside record 1 (3 of its 5 bytes") != error.npos);
    }
}

TEST_CASE("JSON Lines pass over blank lines and name the line that is wrong")
{
    std::string error;
    CHECK(read_all("{\"payload\":\"a\\u0000\"}\n \r\n{\"base64\":\"/w==\"}", json, 10, 5) == Records{"a\0"s, "\xff"});
    CHECK(read_all("{\"payload\":\"a\"}\n\n{\"payload\":", json, 10, 5, &error) == Records{"a"});
    CHECK(error.find("line 3: ") == 0);
}

TEST_CASE("a frame is what the reader takes apart again")
{
    for (const Framing &framing : {lines, nul, prefixed, Framing{Framing::Kind::delimited, '\xff'}}) {
        const RecordFrame frame(framing);
        const Records expected = {"", "one", std::string(300, 'y')};
        std::string stream;
        for (const std::string &record : expected) {
            const std::size_t start = stream.size();
            stream += std::string(frame.front(), '?') + record + std::string(frame.back(), '?');
            CHECK(frame.close(reinterpret_cast<std::byte *>(stream.data()) + start, record.size()) ==
                  stream.size() - start);
        }
        CHECK(read_all(stream, framing, 300, 64) == expected);
    }
    CHECK(RecordFrame(whole).front() + RecordFrame(whole).back() == 0);
}

TEST_CASE("delimiters are one byte, written as such or as an escape")
{
    CHECK(*parse_delimiter(";") == ';');
    CHECK(*parse_delimiter("\\") == '\\');
    CHECK(*parse_delimiter("\\n") == '\n');
    CHECK(*parse_delimiter("\\0") == '\0');
    CHECK(*parse_delimiter("\\xFf") == '\xff');
    for (const char *wrong : {"", "ab", "\\q", "\\x", "\\x1", "\\xg0", "\\x001", "\\nn"})
        CHECK_FALSE(parse_delimiter(wrong));
}
