// SPDX-License-Identifier: MIT
#include "hexdiff.hpp"

#include "hexdump.hpp"

#include <algorithm>
#include <cstring>

namespace ipc {
namespace {

constexpr std::string_view red = "\033[31m", green = "\033[32m", plain = "\033[m";

bool equal(std::span<const std::byte> first, std::span<const std::byte> second)
{
    return std::memcmp(first.data(), second.data(), first.size()) == 0;
}

Lit differing(std::span<const std::byte> first, std::span<const std::byte> second)
{
    Lit lit = 0;
    for (std::size_t i = 0; i < first.size(); i++)
        lit |= Lit{first[i] != second[i]} << i;
    return lit;
}

} // namespace

void HexDifference::add(std::span<const std::byte> first, std::span<const std::byte> second, std::string &out)
{
    // Most of what is compared is equal, and memcmp() is faster over many lines than line by line.
    constexpr std::size_t stretch = 256 * hex_width;
    while (!first.empty()) {
        const std::size_t length = std::min(stretch, first.size());
        if (equal(first.first(length), second.first(length))) {
            end_run(out);
            offset_ += length;
        } else {
            for (std::size_t done = 0; done < length; done += hex_width) {
                const std::size_t width = std::min(hex_width, length - done);
                add_lines({first.subspan(done, width), second.subspan(done, width)}, out);
            }
        }
        first = first.subspan(length);
        second = second.subspan(length);
    }
}

void HexDifference::finish(std::string &out) { end_run(out); }

void HexDifference::add_lines(const Lines &lines, std::string &out)
{
    if (equal(lines.first, lines.second)) {
        end_run(out);
    } else if (repeats(lines)) {
        if (!squeezing_)
            out += show_ == Show::both ? " *\n" : "*\n";
        squeezing_ = true;
    } else {
        print(lines, out);
        std::copy(lines.second.begin(), lines.second.end(),
                  std::copy(lines.first.begin(), lines.first.end(), previous_.begin()));
        has_previous_ = lines.first.size() == hex_width;
        squeezing_ = false;
    }
    offset_ += lines.first.size();
}

void HexDifference::print(const Lines &lines, std::string &out) const
{
    const Lit lit = lit_ ? differing(lines.first, lines.second) : 0;
    if (show_ == Show::second) {
        append_hex_line(offset_, lines.second, lit, out);
        return;
    }
    const auto side = [&](char sign, std::string_view color, std::span<const std::byte> line) {
        out.append(lit_ ? color : "") += sign;
        append_hex_line(offset_, line, lit, out);
        if (lit_)
            out.insert(out.size() - 1, plain);
    };
    side('-', red, lines.first);
    side('+', green, lines.second);
}

/// What is not printed of the first state does not matter.
bool HexDifference::repeats(const Lines &lines) const
{
    const std::span<const std::byte> previous = previous_;
    return has_previous_ && lines.first.size() == hex_width && equal(lines.second, previous.subspan(hex_width)) &&
           (show_ == Show::second || equal(lines.first, previous));
}

void HexDifference::end_run(std::string &out)
{
    if (squeezing_) {
        out += show_ == Show::both ? " " : "";
        append_hex_end(offset_, out);
    }
    has_previous_ = squeezing_ = false;
}

} // namespace ipc
