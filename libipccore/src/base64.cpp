// SPDX-License-Identifier: MIT
#include "base64.hpp"

#include <array>
#include <cstdint>

namespace ipc {

namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t foreign = 0xff;

constexpr auto values = [] {
    std::array<std::uint8_t, 256> table = {};
    table.fill(foreign);
    for (std::size_t i = 0; i < digits.size(); ++i)
        table[std::uint8_t(digits[i])] = std::uint8_t(i);
    return table;
}();

/// Up to three bytes as four characters.
void append_group(std::span<const std::byte> group, std::string &out)
{
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
        bits = bits << 8 | (i < group.size() ? std::to_integer<std::uint32_t>(group[i]) : 0);
    for (std::size_t i = 0; i < 4; ++i)
        out += i <= group.size() ? digits[bits >> (18 - 6 * i) & 63] : '=';
}

/// `group` has 2 to 4 digits, which are 1 to 3 bytes.
bool decode_group(std::string_view group, std::string &out)
{
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const std::uint8_t value = i < group.size() ? values[std::uint8_t(group[i])] : 0;
        if (value == foreign)
            return false;
        bits = bits << 6 | value;
    }
    const std::size_t bytes = group.size() - 1;
    for (std::size_t i = 0; i < bytes; ++i)
        out += char(bits >> (16 - 8 * i) & 0xff);
    return (bits & ((1u << (24 - 8 * bytes)) - 1)) == 0;
}

} // namespace

void append_base64(std::span<const std::byte> bytes, std::string &out)
{
    out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
    for (; bytes.size() > 3; bytes = bytes.subspan(3))
        append_group(bytes.first(3), out);
    if (!bytes.empty())
        append_group(bytes, out);
}

std::optional<std::string> decode_base64(std::string_view text)
{
    std::string out;
    out.reserve(text.size() / 4 * 3);
    if (text.size() % 4)
        return std::nullopt;
    for (; !text.empty(); text.remove_prefix(4)) {
        std::string_view group = text.substr(0, 4);
        if (text.size() == 4)
            while (group.size() > 2 && group.back() == '=')
                group.remove_suffix(1);
        if (!decode_group(group, out))
            return std::nullopt;
    }
    return out;
}

} // namespace ipc
