// SPDX-License-Identifier: MIT
#include "rendering.hpp"

#include "hexdump.hpp"
#include "message_json.hpp"
#include "printable.hpp"

#include <unistd.h>

namespace ipc {

namespace {

/// What `append` says, in its frame.
template <typename Append> Rendering framed_rendering(const Framing &framing, Append append)
{
    return [frame = RecordFrame(framing), append](const ReceivedMessage &message, std::string &out) {
        const std::size_t start = out.size();
        out.resize(start + frame.front());
        append(message, out);
        const std::size_t length = out.size() - start - frame.front();
        out.resize(out.size() + frame.back());
        frame.close(reinterpret_cast<std::byte *>(out.data()) + start, length);
    };
}

/// A message without bytes shows too, where hexdump prints nothing.
void append_dump(const ReceivedMessage &message, std::string &out)
{
    out += message.bytes.empty() ? "00000000\n" : hex_dump(message.bytes);
}

/// Bytes of a longer text for a terminal: its lines stay lines.
void append_text(const ReceivedMessage &message, std::string &out)
{
    std::string_view text(reinterpret_cast<const char *>(message.bytes.data()), message.bytes.size());
    for (std::size_t end; (end = text.find_first_of("\n\t")) != text.npos; text.remove_prefix(end + 1))
        out.append(printable(text.substr(0, end))) += text[end];
    out += printable(text);
}

} // namespace

void RenderingOptions::declare(Command &command)
{
    command.option("format", "FORMAT", format_, MessageFormat::parse,
                   fmt::format("write messages so: {}", MessageFormat::help));
    command.flag("hex,x", hex_, "write messages as hexdump -C prints them");
}

Result<Rendering> RenderingOptions::rendering(const Framing &framing, bool framed) const
{
    const bool json = framing.kind == Framing::Kind::json;
    const bool stream = framing.kind == Framing::Kind::chunks;
    const auto kind = ::isatty(STDOUT_FILENO) ? OutputKind::terminal : OutputKind::stream;
    if (hex_ && (framed || format_))
        return usage_error("--hex says all of how messages are written (leave out the other one)");
    if (json && format_)
        return usage_error("--json and --format contradict each other (give one of them)");
    if (stream && format_)
        return usage_error("--stream and --format contradict each other (give one of them)");
    if (framing.kind == Framing::Kind::length_prefixed && kind == OutputKind::terminal)
        return usage_error("--length-prefixed writes binary numbers, and standard output is a terminal (redirect it)");
    if (hex_)
        return Rendering(append_dump);
    if (json)
        return framed_rendering(framing, [=](const ReceivedMessage &message, std::string &out) {
            append_json_message(message, kind == OutputKind::terminal ? JsonText::ascii : JsonText::utf8, out);
        });
    if (format_)
        return framed_rendering(framing, [=, format = *format_](const ReceivedMessage &message, std::string &out) {
            format.append(message, kind, out);
        });
    if (kind == OutputKind::terminal && stream)
        return Rendering(append_text);
    if (kind == OutputKind::terminal)
        return framed_rendering(framing, [](const ReceivedMessage &message, std::string &out) {
            append_payload(message.bytes, OutputKind::terminal, out);
        });
    return Rendering();
}

} // namespace ipc
