// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "error.hpp"
#include "word_type.hpp"

#include <cstring>

namespace {

ipc::WordType type(std::string_view name)
{
    const auto parsed = ipc::WordType::parse(name);
    REQUIRE(parsed.ok());
    return parsed.value();
}

std::string refusal(const ipc::Result<ipc::WordBits> &read)
{
    REQUIRE(!read.ok());
    CHECK(read.error().code() == ipc::usage_code);
    return read.error().text();
}

/// Enough of all patterns of bits, the extreme ones among them.
std::vector<ipc::WordBits> patterns(std::size_t width)
{
    const ipc::WordBits mask = ~ipc::WordBits{0} >> (64 - 8 * width);
    std::vector<ipc::WordBits> all = {0, 1, mask, mask - 1, mask >> 1, (mask >> 1) + 1};
    for (ipc::WordBits bits = 1, i = 0; i < 20000; i++, bits = bits * 6364136223846793005u + 1442695040888963407u)
        all.push_back(bits >> (64 - 8 * width));
    for (ipc::WordBits high = 0; high < 0x1000; high++) // every exponent with its sign, infinity and nan among them
        for (const ipc::WordBits low : {0, 1, 5})
            all.push_back(((high << 52 >> (64 - 8 * width)) + low) & mask);
    return all;
}

} // namespace

TEST_CASE("every value of every type reads back as exactly its bits")
{
    for (const std::string &name : ipc::WordType::names()) {
        const ipc::WordType word = type(name);
        for (const ipc::WordBits bits : patterns(word.width())) {
            const auto again = word.read(word.print(bits));
            if (!again.ok() || again.value() != bits)
                FAIL(name << ": " << bits << " is printed as " << word.print(bits));
        }
    }
}

TEST_CASE("floating point is printed as short as it can be")
{
    CHECK(type("f64").print(type("f64").read("0.1").value()) == "0.1");
    CHECK(type("f32").print(type("f32").read("0.1").value()) == "0.1");
    CHECK(type("f64").print(type("f64").read("-0").value()) == "-0");
    CHECK(type("f32").print(0x7fc00000) == "nan");
    CHECK(type("f32").print(0xff800000) == "-inf");
    CHECK(type("f64").read("0x1p-3").value() == type("f64").read("0.125").value());
}

TEST_CASE("numbers that do not fit are refused with the range")
{
    CHECK_THAT(refusal(type("u8").read("256")), ContainsSubstring("256 is out of range (0 to 255)"));
    CHECK_THAT(refusal(type("i8").read("-129")), ContainsSubstring("(-128 to 127)"));
    CHECK_THAT(refusal(type("i8").read("0xff")), ContainsSubstring("(-128 to 127)"));
    CHECK_THAT(refusal(type("u64").read("-1")), ContainsSubstring("(0 to 18446744073709551615)"));
    CHECK_THAT(refusal(type("u64").read("18446744073709551616")), ContainsSubstring("(0 to 18446744073709551615)"));
    CHECK_THAT(refusal(type("i64").read("9223372036854775808")), ContainsSubstring("to 9223372036854775807)"));
    CHECK_THAT(refusal(type("f32").read("1e39")), ContainsSubstring("3.4028235e+38"));
    CHECK_THAT(refusal(type("f64").read("1e-400")), ContainsSubstring("e-324"));
}

TEST_CASE("what is no number is refused")
{
    for (const std::string name : {"u32", "i16be", "f32", "f64"})
        for (const std::string text :
             {"", "-", "--1", "+1", " 1", "1 ", "1x", "0x", "one", "1,5", "nan(", "nan(x)", "nan(0)", "-+1"})
            CHECK_THAT(refusal(type(name).read(text)), StartsWith(name + ": "));
}

TEST_CASE("sums of integers wrap around, and subtraction is an addend of unsigned types too")
{
    const auto added = [](std::string_view name, std::string_view left, std::string_view right) {
        const ipc::WordType word = type(name);
        return word.print(word.sum(word.read(left).value(), word.read_addend(right).value()));
    };
    CHECK(added("u8", "255", "1") == "0");
    CHECK(added("u8", "3", "-255") == "4");
    CHECK(added("i8", "127", "1") == "-128");
    CHECK(added("i64", "-9223372036854775808", "-1") == "9223372036854775807");
    CHECK(added("u64", "0", "-18446744073709551615") == "1");
    CHECK(added("f32", "16777216", "1") == "16777216");
    CHECK(added("f64be", "0.1", "0.2") == "0.30000000000000004");
}

TEST_CASE("comparisons are of values, with sign, and nan is only unequal")
{
    const auto holds = [](std::string_view name, std::string_view left, std::string_view op, std::string_view right) {
        const ipc::WordType word = type(name);
        return ipc::WordComparison::parse(op).value().holds(
            word.compare(word.read(left).value(), word.read(right).value()));
    };
    CHECK(holds("i8", "-1", "lt", "1"));
    CHECK(holds("u8", "255", ">", "1"));
    CHECK(holds("i16le", "5", "==", "5"));
    CHECK(!holds("i16be", "5", "!=", "5"));
    CHECK(holds("u64", "5", "<=", "5"));
    CHECK(holds("u64", "5", "ge", "5"));
    CHECK(!holds("u64", "5", "gt", "5"));
    CHECK(holds("f32", "-0", "eq", "0"));
    for (const std::string_view op : {"eq", "lt", "le", "gt", "ge"})
        CHECK(!holds("f64", "nan", op, "nan"));
    CHECK(holds("f64", "nan", "ne", "nan"));
}
