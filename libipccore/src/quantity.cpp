// SPDX-License-Identifier: MIT
#include "quantity.hpp"

#include "error.hpp"
#include "printable.hpp"

#include <grp.h>
#include <pwd.h>

#include <charconv>
#include <ctime>
#include <optional>

namespace ipc {
namespace {

constexpr std::uint64_t nanoseconds_per_second = 1'000'000'000;

/// The digits at the start of `text`, which is advanced behind them; nothing on overflow or if there are none.
std::optional<std::uint64_t> take_number(std::string_view &text)
{
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    if (hexadecimal)
        text.remove_prefix(2);
    std::uint64_t number = 0;
    const char *end = text.data() + text.size();
    const auto [rest, code] = std::from_chars(text.data(), end, number, hexadecimal ? 16 : 10);
    if (code != std::errc{})
        return std::nullopt;
    text = {rest, static_cast<std::size_t>(end - rest)};
    return number;
}

struct Whole {
    bool negative;
    std::optional<std::uint64_t> magnitude; // nothing: more than 64 bits hold
};

/// A whole number, all of `text`; nothing if it is none.
std::optional<Whole> take_whole(std::string_view text)
{
    const bool negative = text.starts_with('-');
    text.remove_prefix(negative ? 1 : 0);
    if (text.empty() || text[0] < '0' || text[0] > '9')
        return std::nullopt;
    const std::optional<std::uint64_t> magnitude = take_number(text);
    if (magnitude && !text.empty())
        return std::nullopt;
    return Whole{negative, magnitude};
}

/// What a unit like "M", "MiB" or "MB" multiplies by; 0 if it is none.
std::uint64_t unit_value(std::string_view unit)
{
    if (unit.empty() || unit == "B")
        return 1;
    constexpr std::string_view letters = "KMGTPE";
    const std::size_t power = letters.find(unit[0] == 'k' ? 'K' : unit[0]);
    if (power == std::string_view::npos)
        return 0;
    const std::string_view rest = unit.substr(1);
    const std::uint64_t base = rest.empty() || rest == "iB" ? 1024 : rest == "B" ? 1000 : 0;
    std::uint64_t value = base;
    for (std::size_t i = 0; i < power; i++)
        value *= base;
    return value;
}

/// "12.34" as nanoseconds of a unit that lasts `unit` seconds.
std::optional<std::chrono::nanoseconds> take_duration(std::string_view text, std::uint64_t unit)
{
    std::uint64_t whole = 0;
    std::uint64_t fraction = 0;
    const std::size_t point = text.find('.');
    const std::string_view before = text.substr(0, point);
    std::string_view behind = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
    if (before.empty() && behind.empty())
        return std::nullopt;
    auto digits = [](std::string_view part, std::uint64_t &into) {
        const auto [rest, code] = std::from_chars(part.data(), part.data() + part.size(), into);
        return part.empty() || (code == std::errc{} && rest == part.data() + part.size());
    };
    behind = behind.substr(0, 9);
    if (!digits(before, whole) || !digits(behind, fraction))
        return std::nullopt;
    for (std::size_t i = behind.size(); i < 9; i++)
        fraction *= 10;
    // A century and more is as good as for ever, and keeps every sum within 64 bits.
    constexpr std::uint64_t longest = 200ull * 366 * 86400;
    if (whole > longest / unit)
        return std::nullopt;
    return std::chrono::nanoseconds(static_cast<std::int64_t>((whole * nanoseconds_per_second + fraction) * unit));
}

template <typename Record, typename Id>
Result<std::uint32_t> parse_account(std::string_view text, const char *noun, Record *(*find)(const char *),
                                    Id Record::*id)
{
    const std::string name(text);
    if (const Record *record = find(name.c_str()))
        return record->*id;
    const Result<std::int64_t> number = parse_integer(text, 0, UINT32_MAX - 1);
    if (!number)
        return usage_error("\"{}\" is no {} (give its name or number)", printable(text), noun);
    return static_cast<std::uint32_t>(number.value());
}

std::string format_local(std::int64_t nanoseconds, const char *form)
{
    std::int64_t seconds = nanoseconds / static_cast<std::int64_t>(nanoseconds_per_second);
    if (nanoseconds % static_cast<std::int64_t>(nanoseconds_per_second) < 0)
        seconds--;
    const std::time_t time = seconds;
    std::tm local = {};
    localtime_r(&time, &local);
    char text[64];
    return {text, std::strftime(text, sizeof text, form, &local)};
}

} // namespace

Result<std::uint64_t> parse_size(std::string_view text)
{
    std::string_view rest = text;
    const std::optional<std::uint64_t> number = take_number(rest);
    const std::uint64_t unit = number ? unit_value(rest) : 0;
    std::uint64_t bytes = 0;
    if (unit == 0 && !(number || text.empty() || text[0] < '0' || text[0] > '9'))
        return usage_error("{} is more than 64 bits hold (it must be less than 16E)", printable(text));
    if (unit == 0)
        return usage_error("\"{}\" is no size (write 4096, 64K, 64KiB or 64KB)", printable(text));
    if (__builtin_mul_overflow(*number, unit, &bytes))
        return usage_error("{} is more than 64 bits hold (it must be less than 16E)", printable(text));
    return bytes;
}

Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least, std::int64_t greatest)
{
    const std::optional<Whole> whole = take_whole(text);
    if (!whole)
        return usage_error("\"{}\" is no whole number", printable(text));
    if (whole->magnitude && *whole->magnitude <= INT64_MAX) {
        const auto number = static_cast<std::int64_t>(*whole->magnitude) * (whole->negative ? -1 : 1);
        if (number >= least && number <= greatest)
            return number;
    }
    return usage_error("{} is out of range ({} to {})", printable(text), least, greatest);
}

Result<std::uint64_t> parse_wide_integer(std::string_view text, std::uint64_t below, std::uint64_t above)
{
    const std::optional<Whole> whole = take_whole(text);
    if (!whole)
        return usage_error("\"{}\" is no whole number", printable(text));
    if (whole->magnitude && *whole->magnitude <= (whole->negative ? below : above))
        return whole->negative ? -*whole->magnitude : *whole->magnitude;
    return usage_error("{} is out of range ({}{} to {})", printable(text), below ? "-" : "", below, above);
}

Result<std::chrono::nanoseconds> parse_seconds(std::string_view text)
{
    const std::optional<std::chrono::nanoseconds> duration = take_duration(text, 1);
    if (!duration)
        return usage_error("\"{}\" is no number of seconds (write 2 or 0.5)", printable(text));
    return *duration;
}

Result<std::chrono::nanoseconds> parse_age(std::string_view text)
{
    constexpr struct {
        char letter;
        std::uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
    for (const auto &unit : units)
        if (text.ends_with(unit.letter))
            if (const auto age = take_duration(text.substr(0, text.size() - 1), unit.seconds))
                return *age;
    return usage_error("\"{}\" is no age (write 90s, 10m, 2h, 1d or 1w)", printable(text));
}

Result<std::uint32_t> parse_mode(std::string_view text)
{
    std::uint32_t mode = 0;
    const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (text.empty() || code != std::errc{} || rest != text.data() + text.size() || mode > 0777)
        return usage_error("\"{}\" is no mode (write it in octal, 0 to 0777, such as 0660)", printable(text));
    return mode;
}

Result<std::uint32_t> parse_user(std::string_view text)
{
    return parse_account(text, "user", &getpwnam, &passwd::pw_uid);
}

Result<std::uint32_t> parse_group(std::string_view text)
{
    return parse_account(text, "group", &getgrnam, &group::gr_gid);
}

std::string format_size(std::uint64_t bytes)
{
    constexpr std::string_view letters = "BKMGTPE";
    std::size_t power = 0;
    std::uint64_t unit = 1;
    while (power + 1 < letters.size() && bytes / unit >= 1024) {
        unit *= 1024;
        power++;
    }
    std::uint64_t whole = bytes / unit;
    // Tenths, rounded half up; 10 of them carry.
    const std::uint64_t in_1024ths = unit > 1 ? bytes % unit / (unit / 1024) : 0;
    std::uint64_t tenths = (in_1024ths * 20 + 1024) / 2048;
    if (tenths == 10) {
        whole++;
        tenths = 0;
    }
    if (whole == 1024 && power + 1 < letters.size()) {
        whole = 1;
        power++;
    }
    return tenths ? fmt::format("{}.{}{}", whole, tenths, letters[power]) : fmt::format("{}{}", whole, letters[power]);
}

std::string format_time(std::int64_t nanoseconds_since_1970) { return format_local(nanoseconds_since_1970, "%F %T"); }

std::string format_time_iso(std::int64_t nanoseconds_since_1970)
{
    constexpr auto second = static_cast<std::int64_t>(nanoseconds_per_second);
    const std::int64_t fraction = (nanoseconds_since_1970 % second + second) % second;
    const std::string zone = format_local(nanoseconds_since_1970, "%z"); // "+0100"
    return fmt::format("{}.{:09}{}:{}", format_local(nanoseconds_since_1970, "%FT%T"), fraction, zone.substr(0, 3),
                       zone.substr(3));
}

} // namespace ipc
