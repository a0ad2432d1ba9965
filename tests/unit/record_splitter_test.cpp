// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "record_splitter.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using ipc::RecordSplitter;
using ipc::StreamFrame;
using Kind = RecordSplitter::Kind;
using Texts = std::vector<std::string>;

namespace {

void give(RecordSplitter &splitter, std::string_view bytes)
{
    while (!bytes.empty()) {
        const std::span<std::byte> room = splitter.room().value();
        const std::size_t count = std::min(room.size(), bytes.size());
        std::copy_n(reinterpret_cast<const std::byte *>(bytes.data()), count, room.begin());
        splitter.filled(count);
        bytes.remove_prefix(count);
    }
}

/// Records as they are; what was passed over as its size behind !, what makes no sense behind ?.
Texts take_all(RecordSplitter &splitter)
{
    Texts texts;
    for (;;) {
        const RecordSplitter::Piece piece = splitter.next();
        if (piece.kind == Kind::none)
            return texts;
        if (piece.kind == Kind::record)
            texts.emplace_back(reinterpret_cast<const char *>(piece.bytes.data()), piece.bytes.size());
        else
            texts.push_back(std::string(piece.kind == Kind::too_large ? "!" : "?").append(std::to_string(piece.size)));
        if (piece.kind == Kind::senseless)
            return texts;
    }
}

/// However the bytes come in pieces, the same records come out.
Texts split(StreamFrame frame, std::uint64_t largest, std::string_view bytes, std::size_t at_once)
{
    RecordSplitter splitter(frame, largest);
    Texts texts;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(at_once, bytes.size()))) {
        give(splitter, bytes.substr(0, at_once));
        for (std::string &text : take_all(splitter))
            texts.push_back(std::move(text));
    }
    return texts;
}

std::string_view text_of(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

} // namespace

TEST_CASE("records come out alike, however their bytes come in")
{
    using namespace std::string_view_literals;
    for (std::size_t at_once = 1; at_once < 30; ++at_once) {
        CHECK(split(StreamFrame::line, 5, "one\n\nthree\nsixsix\nfive5\nrest", at_once) ==
              Texts{"one", "", "three", "!6", "five5"});
        CHECK(split(StreamFrame::null, 9, "a\nb\0\0c\0"sv, at_once) == Texts{"a\nb", "", "c"});
        CHECK(split(StreamFrame::length, 3, "\0\0\0\1a\0\0\0\0\0\0\0\5large\0\0\0\3end"sv, at_once) ==
              Texts{"a", "", "!5", "end"});
    }
}

TEST_CASE("a length that nothing could follow is told from one that is merely too large")
{
    using namespace std::string_view_literals;
    CHECK(split(StreamFrame::length, 3, "GET / HTTP/1.0"sv, 99) == Texts{"?1195725856"});
    CHECK(split(StreamFrame::length, 3, "\x10\0\0\0"sv, 99).empty());
    CHECK(split(StreamFrame::length, 3, "\x10\0\0\1"sv, 99) == Texts{"?268435457"});
    CHECK(split(StreamFrame::length, 0xffffffff, "\xff\xff\xff\xff"sv, 99).empty());
}

TEST_CASE("what a stream cut off is described")
{
    using namespace std::string_view_literals;
    const auto rest = [](StreamFrame frame, std::string_view bytes) {
        RecordSplitter splitter(frame, 8);
        give(splitter, bytes);
        (void)take_all(splitter);
        return splitter.cut_off();
    };
    CHECK(rest(StreamFrame::line, "whole\n").empty());
    CHECK_THAT(rest(StreamFrame::line, "whole\nre\033"), ContainsSubstring("3 bytes, \"re\\x1B\""));
    CHECK_THAT(rest(StreamFrame::line, "larger than eight"), ContainsSubstring("at least 17 bytes"));
    CHECK_THAT(rest(StreamFrame::null, "x"), ContainsSubstring("without its NUL"));
    CHECK_THAT(rest(StreamFrame::length, "\0\0"sv), ContainsSubstring("2 bytes came"));
    CHECK_THAT(rest(StreamFrame::length, "\0\0\0\5abc"sv), ContainsSubstring("5 bytes, of which 3 came"));
    CHECK_THAT(rest(StreamFrame::length, "\0\0\0\11abc"sv), ContainsSubstring("9 bytes, of which 3 came"));
}

TEST_CASE("extent says how far so many records reach")
{
    using namespace std::string_view_literals;
    RecordSplitter lines(StreamFrame::line, 100), lengths(StreamFrame::length, 100);
    give(lines, "a\nbb\nccc");
    give(lengths, "\0\0\0\1a\0\0\0\2bb\0\0\0\3c"sv);
    for (const auto &[records, in_lines, in_lengths, left] :
         {std::tuple{0u, 0u, 0u, 0u}, {1u, 2u, 5u, 0u}, {2u, 5u, 11u, 0u}, {3u, 8u, 16u, 1u}}) {
        std::uint64_t wanted = records;
        CHECK(lines.extent(wanted) == in_lines);
        CHECK(wanted == left);
        wanted = records;
        CHECK(lengths.extent(wanted) == in_lengths);
        CHECK(wanted == left);
    }
    CHECK(lines.whole_records() == 2);
    CHECK(lengths.whole_records() == 2);
}

TEST_CASE("blocks hold whole records alone")
{
    RecordSplitter splitter(StreamFrame::line, 100);
    give(splitter, "a\nbb\nccc");
    CHECK(splitter.take_block(100, '\0').empty());
    CHECK(text_of(splitter.take_block(3, '\n')) == "a\n");
    CHECK(text_of(splitter.take_block(100, '\n')) == "bb\n");
    CHECK(splitter.take_block(100, '\n').empty());
    give(splitter, "\n");
    CHECK(take_all(splitter) == Texts{"ccc"});
    RecordSplitter strict(StreamFrame::line, 4);
    give(strict, "larger\nx\n");
    CHECK(strict.take_block(100, '\n').empty());
    CHECK(take_all(strict) == Texts{"!6", "x"});
}
