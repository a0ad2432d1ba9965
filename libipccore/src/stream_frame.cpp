// SPDX-License-Identifier: MIT
#include "stream_frame.hpp"

#include "error.hpp"
#include "printable.hpp"

namespace ipc {
namespace {

constexpr StreamFrame frames[] = {StreamFrame::line, StreamFrame::null, StreamFrame::length};

} // namespace

Result<StreamFrame> parse_stream_frame(std::string_view text)
{
    for (const StreamFrame frame : frames)
        if (text == text_of(frame))
            return frame;
    return usage_error("frame={}: records of a stream stand as line, null or length (write frame=line)",
                       printable(text));
}

std::string_view text_of(StreamFrame frame)
{
    switch (frame) {
    case StreamFrame::null:
        return "null";
    case StreamFrame::length:
        return "length";
    case StreamFrame::line:
        break;
    }
    return "line";
}

} // namespace ipc
