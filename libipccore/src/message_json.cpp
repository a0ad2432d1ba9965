// SPDX-License-Identifier: MIT
#include "message_json.hpp"

#include "base64.hpp"
#include "error.hpp"
#include "printable.hpp"
#include "quantity.hpp"
#include "standard_error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

namespace ipc {

namespace {

using Json = nlohmann::json;

/// What only tells.
constexpr std::array<std::string_view, 6> passed_over = {"time", "length", "reason", "status", "attempts", "address"};

Result<std::string> text_of(const std::string &key, const Json &value)
{
    if (!value.is_string())
        return failure(EINVAL, "\"{}\" is no string", key);
    return value.get_ref<const std::string &>();
}

Result<std::string> decoded(const Json &value)
{
    const std::string text = IPC_TRY(text_of("base64", value));
    std::optional<std::string> bytes = decode_base64(text);
    if (!bytes)
        return failure(EINVAL, "\"base64\" is not base 64 with its padding (RFC 4648)");
    return std::move(*bytes);
}

template <typename Number> Result<Number> number_of(const std::string &key, const Json &value)
{
    constexpr Number least = std::numeric_limits<Number>::min(), greatest = std::numeric_limits<Number>::max();
    const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= std::uint64_t(greatest)
                                                 : value.is_number_integer() && value.get<std::int64_t>() >= least &&
                                                       value.get<std::int64_t>() <= std::int64_t(greatest);
    if (!fits)
        return failure(EINVAL, "\"{}\" is no whole number from {} to {}", key, least, greatest);
    return value.get<Number>();
}

Result<void> take_member(const std::string &key, const Json &value, Message &message,
                         std::optional<std::string> &payload)
{
    if (key == "payload" || key == "base64") {
        if (payload)
            return failure(EINVAL, "it has \"payload\" and \"base64\" (one of them)");
        payload = IPC_TRY(key == "payload" ? text_of(key, value) : decoded(value));
    } else if (key == "priority") {
        message.priority = IPC_TRY(number_of<std::uint32_t>(key, value));
        message.fields |= IPC_QUEUE_PRIORITY;
    } else if (key == "type") {
        message.type = IPC_TRY(number_of<std::int64_t>(key, value));
        message.fields |= IPC_QUEUE_TYPE;
    } else if (std::ranges::find(passed_over, key) == passed_over.end()) {
        return failure(EINVAL, "unknown key \"{}\" (known are payload, base64, priority, type, {})", printable(key),
                       fmt::join(passed_over, ", "));
    }
    return {};
}

std::string_view text_of(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

/// So many bytes of a payload at a time, whole groups of base 64: little memory beside it.
constexpr std::size_t piece_size = 3 * 1024;

/// How much of UTF-8 stands in front of the first character that begins behind a piece.
std::size_t whole_characters(std::string_view text)
{
    std::size_t end = std::min(text.size(), piece_size);
    while (end < text.size() && (text[end] & 0xc0) == 0x80)
        --end;
    return end;
}

template <typename Take> void pass_text(std::string_view payload, JsonText form, const Take &take)
{
    while (!payload.empty()) {
        const std::size_t end = whole_characters(payload);
        const std::string quoted = Json(payload.substr(0, end)).dump(-1, ' ', form == JsonText::ascii);
        take(std::string_view(quoted).substr(1, quoted.size() - 2));
        payload.remove_prefix(end);
    }
}

template <typename Take> void pass_base64(std::span<const std::byte> payload, const Take &take)
{
    for (std::string piece; !payload.empty(); piece.clear()) {
        const std::size_t end = std::min(payload.size(), piece_size);
        append_base64(payload.first(end), piece);
        take(std::string_view(piece));
        payload = payload.subspan(end);
    }
}

/// The line in pieces, without a newline.
template <typename Take> void pass_line(const ReceivedMessage &message, JsonText form, const Take &take)
{
    const std::string_view payload = text_of(message.bytes);
    if (is_utf8(payload)) {
        take("{\"payload\":\"");
        pass_text(payload, form, take);
    } else {
        take("{\"base64\":\"");
        pass_base64(message.bytes, take);
    }
    std::string rest;
    auto end = std::back_inserter(rest);
    fmt::format_to(end, "\",\"length\":{}", payload.size());
    if (message.fields & IPC_QUEUE_PRIORITY)
        fmt::format_to(end, ",\"priority\":{}", message.priority);
    if (message.fields & IPC_QUEUE_TYPE)
        fmt::format_to(end, ",\"type\":{}", message.type);
    if (message.time != IPC_NO_TIME)
        fmt::format_to(end, ",\"time\":\"{}\"", format_time_iso(message.time));
    take(rest += '}');
}

} // namespace

void append_json_message(const ReceivedMessage &message, JsonText text, std::string &out)
{
    pass_line(message, text, [&](std::string_view piece) { out += piece; });
}

void write_lost_message(const ReceivedMessage &message)
{
    constexpr std::size_t batch = 16 * 1024;
    std::string line;
    pass_line(message, JsonText::ascii, [&](std::string_view piece) {
        if (line.size() >= batch) {
            write_to_stderr(line);
            line.clear();
        }
        line += piece;
    });
    line += '\n';
    write_to_stderr(line);
}

void append_json_message(const ReceivedMessage &message, const FailedWork &failed, std::string &out)
{
    append_json_message(message, JsonText::utf8, out);
    out.pop_back();
    fmt::format_to(std::back_inserter(out), R"(,"reason":{},"status":{},"attempts":{},"address":{}}})",
                   Json(failed.reason).dump(-1, ' ', true, Json::error_handler_t::replace), failed.status,
                   failed.attempts, Json(failed.address).dump(-1, ' ', true, Json::error_handler_t::replace));
}

Result<Message> parse_json_message(std::string_view line, std::string &payload)
{
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object())
        return failure(EINVAL, "not a JSON object (one message is {{\"payload\":\"text\"}} in a line of its own)");
    Message message = message_of({});
    std::optional<std::string> found;
    for (const auto &[key, value] : json.items())
        IPC_TRY(take_member(key, value, message, found));
    if (!found)
        return failure(EINVAL, "it has neither \"payload\" nor \"base64\"");
    payload = std::move(*found);
    message.bytes = payload.data();
    message.length = message.capacity = payload.size();
    return message;
}

} // namespace ipc
