// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "hexdiff.hpp"
#include "hexdump.hpp"

#include <fmt/format.h>

#include <string>

using namespace ipc;
using namespace std::string_literals;

namespace {

std::span<const std::byte> bytes_of(const std::string &text) { return std::as_bytes(std::span(text)); }

std::string differences(const std::string &first, const std::string &second, HexDifference::Show show, bool lit = false,
                        std::uint64_t offset = 0)
{
    std::string out;
    HexDifference difference(offset, show, lit);
    difference.add(bytes_of(first), bytes_of(second), out);
    difference.finish(out);
    return out;
}

std::string line_of(std::uint64_t offset, const std::string &bytes)
{
    std::string out;
    append_hex_line(offset, bytes_of(bytes), 0, out);
    return out;
}

std::string without_escapes(const std::string &text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); i++)
        if (text[i] == '\033')
            i = text.find('m', i);
        else
            out += text[i];
    return out;
}

constexpr auto second = HexDifference::Show::second;
constexpr auto both = HexDifference::Show::both;

} // namespace

TEST_CASE("equal bytes have no line that differs")
{
    const std::string bytes(100'001, 'x');
    CHECK(differences(bytes, bytes, second).empty());
    CHECK(differences(bytes, bytes, both).empty());
    CHECK(differences("", "", both).empty());
}

TEST_CASE("only lines that differ are printed, with their addresses")
{
    const std::string before(10'000, 'x');
    std::string now = before;
    now[0] = 'a';
    now[4096] = 'b';
    now[9'999] = 'c';
    CHECK(differences(before, now, second, false, 0x100) == line_of(0x100, now.substr(0, 16)) +
                                                                line_of(0x1100, now.substr(4096, 16)) +
                                                                line_of(0x2800, now.substr(9'984)));
    CHECK(differences(before, now.substr(0, 4096) + before.substr(4096), both, false, 0x100) ==
          fmt::format("-{}+{}", line_of(0x100, std::string(16, 'x')), line_of(0x100, now.substr(0, 16))));
}

TEST_CASE("pieces of whole lines give what all at once gives")
{
    std::string before(5'000, 'x'), now = before;
    for (std::size_t i = 0; i < now.size(); i += 97)
        now[i] = char('a' + i % 26);
    for (const std::size_t piece : {16u, 48u, 4096u, 4112u}) {
        std::string out;
        HexDifference difference(0, both, true);
        for (std::size_t done = 0; done < now.size(); done += piece)
            difference.add(bytes_of(before.substr(done, piece)), bytes_of(now.substr(done, piece)), out);
        difference.finish(out);
        CHECK(out == differences(before, now, both, true));
    }
}

TEST_CASE("lines that repeat are one asterisk, and where they end is said")
{
    const std::string before(64, 'x'), zeros(64, '\0'), last_kept = std::string(48, '\0') + std::string(16, 'x');
    const std::string zero_line = line_of(0, std::string(16, '\0')), x_line = line_of(0, std::string(16, 'x'));
    CHECK(differences(before, last_kept, second) == zero_line + "*\n00000030\n");
    CHECK(differences(before, zeros, second) == zero_line + "*\n00000040\n");
    CHECK(differences(before, zeros, both) == fmt::format("-{}+{} *\n 00000040\n", x_line, zero_line));
}

TEST_CASE("no asterisk stands for lines that are not beside each other, or that differ in what is printed")
{
    const std::string before(48, 'x'), zeros(48, '\0'), zero_line = line_of(0, std::string(16, '\0'));
    std::string now = zeros;
    now.replace(32, 16, 16, 'y');
    CHECK(differences(before, now, second) == zero_line + "*\n" + line_of(0x20, std::string(16, 'y')));
    now = zeros;
    now.replace(16, 16, 16, 'x');
    CHECK(differences(before, now, second) == zero_line + line_of(0x20, std::string(16, '\0')));
    std::string other = before;
    other[20] = 'z';
    CHECK(differences(other, zeros, second) == zero_line + "*\n00000030\n");
    CHECK(differences(other, zeros, both).find('*') == std::string::npos);
}

TEST_CASE("bytes that differ are lit in both columns, neighbours together")
{
    const std::string before = "0123456789abcdef", now = "X12345YZW9abcde!";
    CHECK(differences(before, now, second, true) ==
          "00000000  \033[7m58\033[27m 31 32 33 34 35 \033[7m59 5a  57\033[27m 39 61 62 63 64 65 \033[7m21\033[27m  "
          "|\033[7mX\033[27m12345\033[7mYZW\033[27m9abcde\033[7m!\033[27m|\n");
    CHECK(differences("ab", "ac", both, true) ==
          fmt::format("\033[31m-00000000  61 \033[7m62\033[27m{0:45}|a\033[7mb\033[27m|\033[m\n"
                      "\033[32m+00000000  61 \033[7m63\033[27m{0:45}|a\033[7mc\033[27m|\033[m\n",
                      ""));
}

TEST_CASE("light changes nothing but the light")
{
    std::string before(3'000, '\0'), now = before;
    for (std::size_t i = 0; i < now.size(); i += 1 + i % 7)
        now[i] = char(i);
    for (const auto show : {second, both})
        CHECK(without_escapes(differences(before, now, show, true)) == differences(before, now, show));
}
