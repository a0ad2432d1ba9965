// SPDX-License-Identifier: MIT
#include "word_type.hpp"

#include "error.hpp"
#include "printable.hpp"
#include "quantity.hpp"
#include "suggestion.hpp"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace ipc {
namespace {

constexpr std::string_view scalars[] = {"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64"};
constexpr std::string_view orders[] = {"", "le", "be"};

/// One width of floating point: Number, and the integer of its bits.
template <typename Number, typename Bits> struct Floating {
    static constexpr int mantissa_bits = std::numeric_limits<Number>::digits - 1;
    static constexpr Bits mantissa = (Bits{1} << mantissa_bits) - 1;
    static constexpr Bits sign = Bits{1} << (8 * sizeof(Bits) - 1);
    static constexpr Bits exponent = static_cast<Bits>(~(sign | mantissa));
    static constexpr Bits usual_nan = exponent | Bits{1} << (mantissa_bits - 1);

    static Number value(WordBits bits) { return std::bit_cast<Number>(static_cast<Bits>(bits)); }
    static WordBits bits(Number value) { return std::bit_cast<Bits>(value); }

    static Result<WordBits> out_of_range(std::string_view text)
    {
        return usage_error("{} is out of range ({} to {}, and down to {} beside 0)", printable(text),
                           std::numeric_limits<Number>::lowest(), std::numeric_limits<Number>::max(),
                           std::numeric_limits<Number>::denorm_min());
    }

    /// "nan(0x123)": those of the bits of a nan that say no more than that it is one.
    static Result<WordBits> read_nan(std::string_view text)
    {
        const std::size_t open = text.find('(');
        if (!text.ends_with(')'))
            return usage_error("\"{}\" is no number", printable(text));
        const std::string_view inside = text.substr(open + 1, text.size() - open - 2);
        const WordBits payload = IPC_TRY(parse_wide_integer(inside, 0, mantissa));
        if (payload == 0)
            return usage_error("{} would be infinity (write inf)", printable(text));
        return exponent | payload | (text[0] == '-' ? sign : 0);
    }

    static Result<WordBits> read(std::string_view text)
    {
        const bool negative = text.starts_with('-');
        const std::string rest(text.substr(negative ? 1 : 0));
        if (rest.starts_with("nan("))
            return read_nan(text);
        // strtod() skips blanks and signs; the float overload of from_chars() would have every start load libm.
        char *end = nullptr;
        errno = 0;
        Number number = 0;
        if constexpr (std::is_same_v<Number, float>)
            number = std::strtof(rest.c_str(), &end);
        else
            number = std::strtod(rest.c_str(), &end);
        if (rest.empty() || (rest[0] != '.' && !std::isalnum(static_cast<unsigned char>(rest[0]))) || *end)
            return usage_error("\"{}\" is no number", printable(text));
        if (errno == ERANGE && (number == 0 || std::isinf(number))) // it says so of what is merely subnormal too
            return out_of_range(text);
        return bits(number) | (negative ? sign : 0);
    }

    static std::string print(WordBits bits)
    {
        const Bits magnitude = static_cast<Bits>(bits) & static_cast<Bits>(~sign);
        if (std::isnan(value(bits)) && magnitude != usual_nan)
            return fmt::format("{}nan({:#x})", bits & sign ? "-" : "", bits & mantissa);
        return fmt::format("{}", value(bits));
    }
};
using Single = Floating<float, std::uint32_t>;
using Double = Floating<double, std::uint64_t>;

struct Operator {
    std::string_view word, sign;
    bool less, equal, greater, unordered;
};
constexpr Operator operators[] = {
    {"eq", "==", false, true, false, false}, {"ne", "!=", true, false, true, true},
    {"lt", "<", true, false, false, false},  {"le", "<=", true, true, false, false},
    {"gt", ">", false, false, true, false},  {"ge", ">=", false, true, true, false},
};

} // namespace

Result<WordType> WordType::parse(std::string_view name)
{
    const std::string_view suffix = name.ends_with("le") || name.ends_with("be") ? name.substr(name.size() - 2) : "";
    const std::string_view scalar = name.substr(0, name.size() - suffix.size());
    if (std::find(std::begin(scalars), std::end(scalars), scalar) != std::end(scalars)) {
        const Kind kind = name[0] == 'i' ? Kind::with_sign : name[0] == 'u' ? Kind::without_sign : Kind::floating;
        const std::size_t width = scalar[1] == '8' ? 1 : scalar[1] == '1' ? 2 : scalar[1] == '3' ? 4 : 8;
        const bool big_machine = std::endian::native == std::endian::big;
        return WordType(name, kind, width, !suffix.empty() && (suffix == "be") != big_machine);
    }
    if (const std::optional<std::string> near = suggestion(name, names()))
        return usage_error("there is no type \"{}\" (did you mean {}?)", printable(name), *near);
    return usage_error("there is no type \"{}\" ({}, with le or be behind it for an order of bytes)", printable(name),
                       fmt::join(scalars, " "));
}

std::vector<std::string> WordType::names()
{
    std::vector<std::string> all;
    for (const std::string_view order : orders)
        for (const std::string_view scalar : scalars)
            all.push_back(fmt::format("{}{}", scalar, order));
    return all;
}

Result<WordBits> WordType::read(std::string_view text) const
{
    const WordBits half = mask() / 2; // the greatest with a sign
    const Result<WordBits> bits = kind_ == Kind::with_sign      ? parse_wide_integer(text, half + 1, half)
                                  : kind_ == Kind::without_sign ? parse_wide_integer(text, 0, mask())
                                  : width_ == 4                 ? Single::read(text)
                                                                : Double::read(text);
    if (!bits)
        return located(name_, bits.error());
    return bits.value() & mask();
}

Result<WordBits> WordType::read_addend(std::string_view text) const
{
    if (kind_ != Kind::without_sign)
        return read(text);
    const Result<WordBits> bits = parse_wide_integer(text, mask(), mask());
    if (!bits)
        return located(name_, bits.error());
    return bits.value() & mask();
}

std::string WordType::print(WordBits bits) const
{
    if (is_float())
        return width_ == 4 ? Single::print(bits) : Double::print(bits);
    return kind_ == Kind::with_sign ? fmt::format("{}", extended(bits)) : fmt::format("{}", bits);
}

WordBits WordType::sum(WordBits left, WordBits right) const
{
    if (!is_float())
        return (left + right) & mask();
    return width_ == 4 ? Single::bits(Single::value(left) + Single::value(right))
                       : Double::bits(Double::value(left) + Double::value(right));
}

std::partial_ordering WordType::compare(WordBits left, WordBits right) const
{
    if (is_float())
        return width_ == 4 ? Single::value(left) <=> Single::value(right)
                           : Double::value(left) <=> Double::value(right);
    return kind_ == Kind::with_sign ? extended(left) <=> extended(right) : left <=> right;
}

std::int64_t WordType::extended(WordBits bits) const
{
    const std::size_t unused = 64 - 8 * width_;
    return static_cast<std::int64_t>(bits << unused) >> unused;
}

Result<WordPlace> parse_word_place(std::string_view text)
{
    const std::size_t at = text.find('@');
    if (at == text.npos)
        return usage_error("\"{}\" is no TYPE@OFFSET (write u32@0 or i64be@4K)", printable(text));
    WordType type = IPC_TRY(WordType::parse(text.substr(0, at)));
    return WordPlace{std::move(type), IPC_TRY(parse_size(text.substr(at + 1)))};
}

Result<WordComparison> WordComparison::parse(std::string_view text)
{
    for (std::size_t i = 0; i < std::size(operators); i++)
        if (text == operators[i].word || text == operators[i].sign)
            return WordComparison(i);
    return usage_error("\"{}\" is no comparison ({})", printable(text), fmt::join(names(), ", "));
}

std::vector<std::string> WordComparison::names()
{
    std::vector<std::string> all;
    for (const Operator &known : operators)
        all.emplace_back(known.word);
    return all;
}

std::string_view WordComparison::name() const { return operators[index_].word; }

bool WordComparison::holds(std::partial_ordering order) const
{
    const Operator &wanted = operators[index_];
    return order < 0 ? wanted.less : order == 0 ? wanted.equal : order > 0 ? wanted.greater : wanted.unordered;
}

} // namespace ipc
