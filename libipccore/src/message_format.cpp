// SPDX-License-Identifier: MIT
#include "message_format.hpp"

#include "error.hpp"
#include "escapes.hpp"
#include "printable.hpp"
#include "quantity.hpp"

#include <fmt/format.h>

#include <iterator>

namespace ipc {

namespace {

constexpr std::string_view conversions = "plxPtTi";

void append_hexadecimal(std::span<const std::byte> bytes, std::string &out)
{
    constexpr char digits[] = "0123456789abcdef";
    for (std::byte byte : bytes) {
        out += digits[std::to_integer<unsigned>(byte) >> 4];
        out += digits[std::to_integer<unsigned>(byte) & 15];
    }
}

template <typename Number> void append_number(bool known, Number number, std::string &out)
{
    if (known)
        fmt::format_to(std::back_inserter(out), "{}", number);
    else
        out += '-';
}

void append_conversion(char conversion, const ReceivedMessage &message, OutputKind kind, std::string &out)
{
    switch (conversion) {
    case 'p':
        return append_payload(message.bytes, kind, out);
    case 'l':
        return append_number(true, message.bytes.size(), out);
    case 'x':
        return append_hexadecimal(message.bytes, out);
    case 'P':
        return append_number(message.fields & IPC_QUEUE_PRIORITY, message.priority, out);
    case 't':
        return append_number(message.fields & IPC_QUEUE_TYPE, message.type, out);
    case 'T':
        out += message.time == IPC_NO_TIME ? "-" : format_time_iso(message.time);
        return;
    case 'i':
        return append_number(true, message.index, out);
    }
}

} // namespace

Result<MessageFormat> MessageFormat::parse(std::string_view text)
{
    MessageFormat format;
    std::string literal;
    while (!text.empty()) {
        const char first = text.front();
        text.remove_prefix(1);
        if (first == '\\') {
            literal += IPC_TRY(take_escape(text));
        } else if (first != '%') {
            literal += first;
        } else if (text.starts_with('%')) {
            literal += '%';
            text.remove_prefix(1);
        } else {
            if (text.empty() || conversions.find(text.front()) == conversions.npos)
                return usage_error("%{} is no conversion ({})", printable(text.substr(0, 1)), help);
            format.pieces_.push_back({std::exchange(literal, {}), text.front()});
            text.remove_prefix(1);
        }
    }
    format.pieces_.push_back({literal, 0});
    return format;
}

void MessageFormat::append(const ReceivedMessage &message, OutputKind kind, std::string &out) const
{
    for (const Piece &piece : pieces_) {
        out += piece.literal;
        append_conversion(piece.conversion, message, kind, out);
    }
}

void append_payload(std::span<const std::byte> bytes, OutputKind kind, std::string &out)
{
    const std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    if (kind == OutputKind::terminal)
        out += printable(text);
    else
        out += text;
}

} // namespace ipc
