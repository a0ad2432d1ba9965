// SPDX-License-Identifier: MIT
// How messages are shown and read: formats, JSON Lines, base 64, dumps.
#include "base64.hpp"
#include "hexdump.hpp"
#include "message_format.hpp"
#include "message_json.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>

using namespace ipc;
using namespace std::string_literals;

namespace {

std::span<const std::byte> bytes_of(const std::string &text) { return std::as_bytes(std::span(text)); }

std::string formatted(std::string_view format, const ReceivedMessage &message,
                      OutputKind destination = OutputKind::stream)
{
    std::string out;
    (*MessageFormat::parse(format)).append(message, destination, out);
    return out;
}

std::string as_json(const std::string &payload, JsonText text = JsonText::utf8)
{
    std::string out;
    append_json_message({bytes_of(payload)}, text, out);
    return out;
}

std::string payload_of(std::string_view line)
{
    std::string payload;
    REQUIRE(parse_json_message(line, payload));
    return payload;
}

std::string refusal(std::string_view line)
{
    std::string payload;
    const Result<Message> message = parse_json_message(line, payload);
    return message ? "" : message.error().text();
}

} // namespace

TEST_CASE("base 64 is that of RFC 4648")
{
    const std::pair<std::string, std::string> examples[] = {{"", ""},
                                                            {"f", "Zg=="},
                                                            {"fo", "Zm8="},
                                                            {"foo", "Zm9v"},
                                                            {"foob", "Zm9vYg=="},
                                                            {"fooba", "Zm9vYmE="},
                                                            {"foobar", "Zm9vYmFy"},
                                                            {"\xff\xfe"s, "//4="}};
    for (const auto &[bytes, text] : examples) {
        std::string out;
        append_base64(bytes_of(bytes), out);
        CHECK(out == text);
        CHECK(decode_base64(text) == bytes);
    }
    for (const char *wrong : {"Z", "Zg", "Zg=", "Zg===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "Zm9\n", "-_8="})
        CHECK_FALSE(decode_base64(wrong));
}

TEST_CASE("any payload survives JSON, also what is no text")
{
    std::mt19937 random(1);
    for (int round = 0; round < 2000; ++round) {
        std::string payload(random() % 20, '\0');
        for (char &byte : payload)
            byte = char(round % 2 ? random() : random() % 128);
        CHECK(payload_of(as_json(payload)) == payload);
        CHECK(payload_of(as_json(payload, JsonText::ascii)) == payload);
    }
    CHECK(as_json("é\0"s) == "{\"payload\":\"é\\u0000\",\"length\":3}");
    CHECK(as_json("\xed\xa0\x80").find("base64") != std::string::npos); // a surrogate is not UTF-8
    CHECK(as_json("\x7f\u009b", JsonText::ascii) == "{\"payload\":\"\\u007f\\u009b\",\"length\":3}");
}

TEST_CASE("JSON carries priority and type, to their limits")
{
    ReceivedMessage message = {bytes_of(""), IPC_QUEUE_PRIORITY | IPC_QUEUE_TYPE, 4294967295u, INT64_MAX};
    std::string line, payload;
    append_json_message(message, JsonText::utf8, line);
    const Result<Message> read = parse_json_message(line, payload);
    REQUIRE(read);
    CHECK(read.value().priority == 4294967295u);
    CHECK(read.value().type == INT64_MAX);
    CHECK(read.value().fields == (IPC_QUEUE_PRIORITY | IPC_QUEUE_TYPE));
    CHECK((*parse_json_message("{\"payload\":\"\"}", payload)).fields == 0);
}

TEST_CASE("JSON that is no message is refused with its reason")
{
    for (const char *line :
         {"", "[]", "1", "\"x\"", "{", "{\"payload\":\"a\"} x", "{\"payload\":\"\xff\"}", "{\"payload\":\"\\ud800\"}",
          "{}", "{\"payload\":1}", "{\"base64\":\"?\"}", "{\"payload\":\"a\",\"base64\":\"\"}",
          "{\"payload\":\"a\",\"prio\":1}", "{\"payload\":\"a\",\"priority\":-1}",
          "{\"payload\":\"a\",\"priority\":4294967296}", "{\"payload\":\"a\",\"priority\":1.5}",
          "{\"payload\":\"a\",\"type\":\"1\"}", "{\"payload\":\"a\",\"type\":9223372036854775808}"})
        CHECK(refusal(line) != "");
    CHECK(refusal("{\"payload\":\"a\",\"x\\u001b\":1}").find('\x1b') == std::string::npos);
    CHECK(refusal(std::string(100'000, '[')) != "");
    CHECK(refusal("{\"payload\":\"a\",\"time\":\"x\",\"length\":99}") == "");
}

TEST_CASE("a format has conversions and escapes")
{
    const std::string payload = "a\x1b\xff";
    const ReceivedMessage message = {bytes_of(payload), IPC_QUEUE_PRIORITY, 5, 0, IPC_NO_TIME, 7};
    CHECK(formatted("%i: %l %x %P %t %T %% [%p]\\t\\x41\\\\", message) == "7: 3 611bff 5 - - % [a\x1b\xff]\tA\\");
    CHECK(formatted("", message).empty());
    CHECK(formatted("%p", message, OutputKind::terminal) == "a\\x1B\\xFF");
    for (const char *wrong : {"%", "%q", "\\", "\\q", "\\x1"})
        CHECK_FALSE(MessageFormat::parse(wrong));
}

TEST_CASE("a dump squeezes lines that repeat and says where it ends")
{
    CHECK(hex_dump({}).empty());
    CHECK(hex_dump(bytes_of("ab\n")) ==
          "00000000  61 62 0a                                          |ab.|\n00000003\n");
    const std::string zeros(48 + 5, '\0');
    const std::string line = "00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n";
    CHECK(hex_dump(bytes_of(zeros)) ==
          "00000000  " + line + "*\n00000030  00 00 00 00 00                                    |.....|\n00000035\n");
    CHECK(hex_dump(bytes_of(zeros).first(48), 0x1fffffff0) == "1fffffff0  " + line + "*\n200000020\n");
}

TEST_CASE("a dump does not depend on the pieces in which it gets its bytes")
{
    std::mt19937 random(2);
    std::string text(500, 'x');
    for (std::size_t i = 100; i < 300; ++i)
        text[i] = char(random());
    for (std::size_t piece : {1, 5, 16, 17, 100}) {
        HexDump dump;
        std::string out;
        for (std::size_t at = 0; at < text.size(); at += piece)
            dump.add(bytes_of(text).subspan(at, std::min(piece, text.size() - at)), out);
        dump.finish(out);
        CHECK(out == hex_dump(bytes_of(text)));
    }
}
