// SPDX-License-Identifier: MIT
// Bytes as `hexdump -C` prints them, byte for byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ipc {

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
    static constexpr std::size_t width = 16;
    void add_line(std::span<const std::byte> line, std::string &out);

    std::uint64_t offset_;
    std::array<std::byte, width> line_;     // not yet complete
    std::array<std::byte, width> previous_; // printed last
    std::size_t used_ = 0;                  // of line_
    bool any_ = false, has_previous_ = false, squeezing_ = false;
};

/// The dump of `bytes`, whole.
std::string hex_dump(std::span<const std::byte> bytes, std::uint64_t offset = 0);

} // namespace ipc
