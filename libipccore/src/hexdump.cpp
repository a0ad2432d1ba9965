// SPDX-License-Identifier: MIT
#include "hexdump.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ipc {

namespace {

constexpr char digits[] = "0123456789abcdef";
constexpr std::size_t hex_column = 10, text_column = 60; // behind an address of 8 digits

void print_line(std::uint64_t offset, std::span<const std::byte> line, std::string &out)
{
    fmt::format_to(std::back_inserter(out), "{:08x}", offset);
    char text[text_column - 8 + 1 + 16 + 2];
    std::fill(std::begin(text), std::end(text), ' ');
    char *hex = text + hex_column - 8;
    char *graphic = text + text_column - 8;
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
    out.append(text, graphic);
}

} // namespace

void HexDump::add_line(std::span<const std::byte> line, std::string &out)
{
    if (has_previous_ && std::equal(line.begin(), line.end(), previous_.begin())) {
        if (!squeezing_)
            out += "*\n";
        squeezing_ = true;
    } else {
        print_line(offset_, line, out);
        std::copy(line.begin(), line.end(), previous_.begin());
        has_previous_ = true;
        squeezing_ = false;
    }
    offset_ += width;
}

void HexDump::add(std::span<const std::byte> bytes, std::string &out)
{
    any_ = any_ || !bytes.empty();
    if (used_) {
        std::size_t missing = std::min(width - used_, bytes.size());
        std::copy_n(bytes.begin(), missing, line_.begin() + std::ptrdiff_t(used_));
        used_ += missing;
        bytes = bytes.subspan(missing);
        if (used_ < width)
            return;
        add_line(line_, out);
        used_ = 0;
    }
    for (; bytes.size() >= width; bytes = bytes.subspan(width))
        add_line(bytes.first(width), out);
    std::copy(bytes.begin(), bytes.end(), line_.begin());
    used_ = bytes.size();
}

void HexDump::finish(std::string &out)
{
    if (!any_)
        return;
    if (used_) // hexdump never squeezes a line that is not full
        print_line(offset_, std::span(line_).first(used_), out);
    fmt::format_to(std::back_inserter(out), "{:08x}\n", offset_ + used_);
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
