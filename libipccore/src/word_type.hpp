// SPDX-License-Identifier: MIT
// Types of single words in memory, i8 to f64 in either order of bytes, and their values as users write and read them.
#pragma once

#include <ipc/result.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// The representation of a value: its bits, in this machine's order, in the low ones of 64; the rest is 0.
using WordBits = std::uint64_t;

class WordType {
public:
    /// "u32", "f64be". A usage error with a suggestion if there is no such type.
    static Result<WordType> parse(std::string_view name);
    /// All that parse() takes.
    static std::vector<std::string> names();

    const std::string &name() const { return name_; }
    /// In bytes: 1, 2, 4 or 8.
    std::size_t width() const { return width_; }
    bool is_float() const { return kind_ == Kind::floating; }
    /// Does memory have the bytes the other way round than this machine?
    bool is_swapped() const { return swapped_; }

    /// Decimal or 0x hex; floating point also inf and nan. What is out of range is a usage error that names the range.
    Result<WordBits> read(std::string_view text) const;
    /// The same for what is to be added, which may be negative for unsigned types too.
    Result<WordBits> read_addend(std::string_view text) const;
    /// What read() turns into exactly `bits` again, and the shortest such for floating point.
    std::string print(WordBits bits) const;

    /// Integers wrap around.
    WordBits sum(WordBits left, WordBits right) const;
    /// By value: 0 equals -0, nan equals nothing.
    std::partial_ordering compare(WordBits left, WordBits right) const;

private:
    enum class Kind { with_sign, without_sign, floating };
    WordType(std::string_view name, Kind kind, std::size_t width, bool swapped)
        : name_(name), kind_(kind), width_(width), swapped_(swapped)
    {
    }
    WordBits mask() const { return ~WordBits{0} >> (64 - 8 * width_); }
    std::int64_t extended(WordBits bits) const;

    std::string name_;
    Kind kind_;
    std::size_t width_;
    bool swapped_;
};

/// Where a word is and what it is: TYPE@OFFSET.
struct WordPlace {
    WordType type;
    std::uint64_t offset;
};
Result<WordPlace> parse_word_place(std::string_view text);

/// One of eq ne lt le gt ge, also written == != < <= > >=.
class WordComparison {
public:
    static Result<WordComparison> parse(std::string_view text);
    /// The words among what parse() takes.
    static std::vector<std::string> names();

    std::string_view name() const;
    bool holds(std::partial_ordering order) const;

private:
    explicit WordComparison(std::size_t index) : index_(index) {}
    std::size_t index_;
};

} // namespace ipc
