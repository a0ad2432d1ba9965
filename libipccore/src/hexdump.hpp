// SPDX-License-Identifier: MIT
// Bytes as `hexdump -C` prints them, byte for byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ipc {

/// Bytes in a line of a dump.
inline constexpr std::size_t hex_width = 16;

/// Which bytes of a line stand out, bit 0 being the first.
using Lit = std::uint32_t;

/// One line, of at most hex_width bytes. Lit bytes are in reverse video, in both columns.
void append_hex_line(std::uint64_t offset, std::span<const std::byte> line, Lit lit, std::string &out);
/// The line that says where a dump, or a run of repeated lines, ends.
void append_hex_end(std::uint64_t offset, std::string &out);

/// One dump: bytes come in pieces of any size, lines are appended to a text. Lines that repeat the one before are one
/// `*`; a last line of its own says where the dump ends. No bytes at all give no text.
class HexDump {
public:
    /// `offset` is the address of the first byte.
    explicit HexDump(std::uint64_t offset = 0) : offset_(offset) {}

    void add(std::span<const std::byte> bytes, std::string &out);
    /// Print what is left of the last line, and where it ends. Nothing may be added afterwards.
    void finish(std::string &out);

private:
    void add_line(std::span<const std::byte> line, std::string &out);

    std::uint64_t offset_;
    std::array<std::byte, hex_width> line_;     // not yet complete
    std::array<std::byte, hex_width> previous_; // printed last
    std::size_t used_ = 0;                      // of line_
    bool any_ = false, has_previous_ = false, squeezing_ = false;
};

/// The dump of `bytes`, whole.
std::string hex_dump(std::span<const std::byte> bytes, std::uint64_t offset = 0);

} // namespace ipc
