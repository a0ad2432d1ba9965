// SPDX-License-Identifier: MIT
// Numbers as users write and read them: sizes, durations, modes, points in time.
#pragma once

#include <ipc/result.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ipc {

/// "64M", "64MiB" (1024-based), "64MB" (1000-based), "4096", "0x1000". Bytes.
Result<std::uint64_t> parse_size(std::string_view text);

/// A whole number, decimal or 0x hex, within [least, greatest].
Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least, std::int64_t greatest);

/// The same within [-`below`, `above`], where 64 bits with a sign do not hold that: modulo 2^64.
Result<std::uint64_t> parse_wide_integer(std::string_view text, std::uint64_t below, std::uint64_t above);

/// "1.5", "0": seconds, not negative, to the nanosecond.
Result<std::chrono::nanoseconds> parse_seconds(std::string_view text);

/// "10s", "5m", "2h", "1d", "1w"; what a bare number counts nobody can know, so it is refused. For ages.
Result<std::chrono::nanoseconds> parse_age(std::string_view text);

/// An octal file mode, 0 to 0777.
Result<std::uint32_t> parse_mode(std::string_view text);

/// A user or group: its name or its number.
Result<std::uint32_t> parse_user(std::string_view text);
Result<std::uint32_t> parse_group(std::string_view text);

/// "4K", "1.5G": at most one decimal, 1024-based, as lsblk has it.
std::string format_size(std::uint64_t bytes);

/// Local time, "2026-01-31 17:04:05"; `iso` adds fraction and zone: "2026-01-31T17:04:05.123456789+01:00".
std::string format_time(std::int64_t nanoseconds_since_1970);
std::string format_time_iso(std::int64_t nanoseconds_since_1970);

} // namespace ipc
