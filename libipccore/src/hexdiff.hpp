// SPDX-License-Identifier: MIT
// The lines of a dump in which two states of memory differ.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ipc {

/// One comparison: both states come in pieces, lines are appended to a text. Lines that differ and repeat the ones
/// before are one `*`, behind which the address of the next byte stands where no other line that differs follows.
class HexDifference {
public:
    /// Print the second state alone, as it is now; or each line of the first behind `-` and of the second behind `+`,
    /// and everything else behind a blank.
    enum class Show { second, both };

    /// `offset` is the address of the first byte. `lit` makes the bytes that differ stand out.
    HexDifference(std::uint64_t offset, Show show, bool lit) : offset_(offset), show_(show), lit_(lit) {}

    /// Both equally long; all pieces but the last are whole lines.
    void add(std::span<const std::byte> first, std::span<const std::byte> second, std::string &out);
    /// Nothing may be added afterwards.
    void finish(std::string &out);

private:
    struct Lines {
        std::span<const std::byte> first, second;
    };
    void add_lines(const Lines &lines, std::string &out);
    void print(const Lines &lines, std::string &out) const;
    bool repeats(const Lines &lines) const;
    void end_run(std::string &out);

    std::uint64_t offset_;
    Show show_;
    bool lit_;
    std::array<std::byte, 32> previous_; // printed last, the first and the second
    bool has_previous_ = false, squeezing_ = false;
};

} // namespace ipc
