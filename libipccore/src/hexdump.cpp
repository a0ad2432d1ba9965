// SPDX-License-Identifier: MIT
#include "hexdump.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace ipc {

namespace {

constexpr char digits[] = "0123456789abcdef";
constexpr std::size_t address_width = 8;
constexpr std::size_t hex_column = 10 - address_width, text_column = 60 - address_width; // behind the address
constexpr std::string_view reverse_on = "\033[7m", reverse_off = "\033[27m";

/// Where a byte stands in a line, behind its address.
using Position = std::size_t (*)(std::size_t byte);
std::size_t hex_position(std::size_t byte) { return hex_column + 3 * byte + (byte >= 8 ? 1 : 0); }
std::size_t text_position(std::size_t byte) { return text_column + 1 + byte; }

/// Append `text` from `done` on to the end of the last run of lit bytes in one column, and say where that is.
std::size_t append_lit(std::string_view text, std::size_t done, Position position, std::size_t width, Lit lit,
                       std::string &out)
{
    for (std::size_t first = 0; first < hex_width; first++) {
        if (!(lit >> first & 1))
            continue;
        std::size_t last = first;
        while (last + 1 < hex_width && (lit >> (last + 1) & 1))
            last++;
        const std::size_t end = position(last) + width;
        out.append(text.substr(done, position(first) - done)).append(reverse_on);
        out.append(text.substr(position(first), end - position(first))).append(reverse_off);
        done = end;
        first = last;
    }
    return done;
}

} // namespace

void append_hex_line(std::uint64_t offset, std::span<const std::byte> line, Lit lit, std::string &out)
{
    fmt::format_to(std::back_inserter(out), "{:08x}", offset);
    char text[text_column + 1 + hex_width + 2];
    std::fill(std::begin(text), std::end(text), ' ');
    char *hex = text + hex_column;
    char *graphic = text + text_column;
    *graphic++ = '|';
    for (std::size_t i = 0; i < line.size(); ++i) {
        unsigned byte = std::to_integer<unsigned>(line[i]);
        *hex++ = digits[byte >> 4];
        *hex++ = digits[byte & 15];
        hex += i == 7 ? 2 : 1;
        *graphic++ = byte >= 0x20 && byte < 0x7f ? char(byte) : '.';
    }
    *graphic++ = '|';
    *graphic++ = '\n';
    const std::string_view whole(text, static_cast<std::size_t>(graphic - text));
    std::size_t done = 0;
    if (lit) {
        done = append_lit(whole, done, hex_position, 2, lit, out);
        done = append_lit(whole, done, text_position, 1, lit, out);
    }
    out += whole.substr(done);
}

void append_hex_end(std::uint64_t offset, std::string &out)
{
    fmt::format_to(std::back_inserter(out), "{:08x}\n", offset);
}

void HexDump::add_line(std::span<const std::byte> line, std::string &out)
{
    if (has_previous_ && std::equal(line.begin(), line.end(), previous_.begin())) {
        if (!squeezing_)
            out += "*\n";
        squeezing_ = true;
    } else {
        append_hex_line(offset_, line, 0, out);
        std::copy(line.begin(), line.end(), previous_.begin());
        has_previous_ = true;
        squeezing_ = false;
    }
    offset_ += hex_width;
}

void HexDump::add(std::span<const std::byte> bytes, std::string &out)
{
    any_ = any_ || !bytes.empty();
    if (used_) {
        std::size_t missing = std::min(hex_width - used_, bytes.size());
        std::copy_n(bytes.begin(), missing, line_.begin() + std::ptrdiff_t(used_));
        used_ += missing;
        bytes = bytes.subspan(missing);
        if (used_ < hex_width)
            return;
        add_line(line_, out);
        used_ = 0;
    }
    for (; bytes.size() >= hex_width; bytes = bytes.subspan(hex_width))
        add_line(bytes.first(hex_width), out);
    std::copy(bytes.begin(), bytes.end(), line_.begin());
    used_ = bytes.size();
}

void HexDump::finish(std::string &out)
{
    if (!any_ && offset_ == 0)
        return;
    if (used_) // hexdump never squeezes a line that is not full
        append_hex_line(offset_, std::span(line_).first(used_), 0, out);
    append_hex_end(offset_ + used_, out);
}

std::string hex_dump(std::span<const std::byte> bytes, std::uint64_t offset)
{
    std::string out;
    HexDump dump(offset);
    dump.add(bytes, out);
    dump.finish(out);
    return out;
}

} // namespace ipc
