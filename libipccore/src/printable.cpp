// SPDX-License-Identifier: MIT
#include "printable.hpp"

#include "terminal_locale.hpp"

#include <cstdint>
#include <cstring>
#include <optional>

namespace ipc {
namespace {

/// The length of the UTF-8 sequence at the start of `text`, and its character; 0 if it is malformed.
struct Character {
    std::size_t length;
    std::uint32_t code;
};

Character decode(std::string_view text)
{
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80)
        return {1, first};
    const std::size_t length = first >= 0xF0 && first <= 0xF4 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
    if (length == 0 || first > 0xF4 || text.size() < length)
        return {0, 0};
    std::uint32_t code = first & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; i++) {
        if ((byte(i) & 0xC0) != 0x80)
            return {0, 0};
        code = code << 6 | (byte(i) & 0x3Fu);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return {0, 0};
    return {length, code};
}

/// Would a terminal act on it rather than draw it? Marks that turn the direction of writing count: they disguise names.
bool is_control(std::uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x200E || code == 0x200F || code == 0x061C ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

void append_hex(std::string &out, std::string_view prefix, char byte)
{
    constexpr char digits[] = "0123456789ABCDEF";
    out += prefix;
    out += digits[static_cast<unsigned char>(byte) >> 4];
    out += digits[static_cast<unsigned char>(byte) & 15];
}

/// Copy what `stays`; write the rest as PREFIX and two hexadecimal digits a byte.
template <typename Stays> std::string escaped(std::string_view text, std::string_view prefix, Stays stays)
{
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Character character = decode(text);
        const std::size_t length = character.length ? character.length : 1;
        if (character.length && stays(character.code))
            out += text.substr(0, length);
        else
            for (char byte : text.substr(0, length))
                append_hex(out, prefix, byte);
        text.remove_prefix(length);
    }
    return out;
}

bool is_drawn(std::uint32_t code, Charset charset)
{
    return !is_control(code) && (code < 0x80 || charset == Charset::utf8 || terminal_draws(code));
}

bool is_literal_in_address(std::uint32_t code, Charset charset)
{
    if (code >= 0x80)
        return code != 0xA0 && is_drawn(code, charset);
    return (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
           (code && std::strchr("/._-+,:@=~^#", static_cast<int>(code)));
}

int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/// The byte that the first three of `text` stand for.
std::optional<char> encoded_byte(std::string_view text)
{
    const int high = text.size() > 2 && text[0] == '%' ? digit_value(text[1]) : -1;
    const int low = high >= 0 ? digit_value(text[2]) : -1;
    return low >= 0 ? std::optional(static_cast<char>(high << 4 | low)) : std::nullopt;
}

} // namespace

std::string printable(std::string_view text, Charset charset)
{
    return escaped(text, "\\x", [=](std::uint32_t code) { return is_drawn(code, charset); });
}

std::string percent_encoded(std::string_view text, Charset charset)
{
    return escaped(text, "%", [=](std::uint32_t code) { return is_literal_in_address(code, charset); });
}

std::string printable(std::string_view text) { return printable(text, Charset::terminal); }

std::string percent_encoded(std::string_view text) { return percent_encoded(text, Charset::terminal); }

std::string percent_decoded(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); i++) {
        const std::optional<char> byte = encoded_byte(text.substr(i));
        out += byte.value_or(text[i]);
        i += byte ? 2 : 0;
    }
    return out;
}

bool is_percent_encoded(std::string_view text)
{
    for (std::size_t i = text.find('%'); i != text.npos; i = text.find('%', i + 1))
        if (!encoded_byte(text.substr(i)))
            return false;
    return true;
}

bool is_utf8(std::string_view text)
{
    while (!text.empty()) {
        const std::size_t length = decode(text).length;
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

} // namespace ipc
