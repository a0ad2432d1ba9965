// SPDX-License-Identifier: MIT
#include "framing_options.hpp"

#include <array>

namespace ipc {

void FramingOptions::declare_common(Command &command)
{
    command.flag("null,0", null_, "records end with a NUL byte");
    command.option("delimiter,d", "DELIM", delimiter_, parse_delimiter,
                   "records end with this byte: \\n, \\t, \\0, \\xNN or the byte itself (default \\n)");
    command.flag("length-prefixed,L", length_prefixed_,
                 "records stand behind their length, 4 bytes, the most significant first");
}

void FramingOptions::declare_input(Command &command)
{
    declare_common(command);
    command.flag("whole,s", whole_, "all of the input is one message");
    command.flag("json,J", json_,
                 "JSON Lines: objects with payload or base64, and priority and type where they are to be set");
    command.flag("stream", stream_, "send bytes as they come, in no records, and an empty message behind the last");
    whole_name_ = "--whole";
}

void FramingOptions::declare_output(Command &command)
{
    declare_common(command);
    command.flag("no-newline,N", whole_, "nothing between records");
    command.flag("json,J", json_,
                 "JSON Lines: objects with payload, or base64 where it is no text, length, priority, type and time");
    command.flag("stream", stream_, "write the bytes that mqsend --stream sends, and end with them");
    whole_name_ = "--no-newline";
}

Result<Framing> FramingOptions::framing() const
{
    struct Choice {
        bool given;
        std::string_view name;
        Framing framing;
    };
    const std::array<Choice, 6> choices = {{
        {null_, "--null", {Framing::Kind::delimited, '\0'}},
        {delimiter_.has_value(), "--delimiter", {Framing::Kind::delimited, delimiter_.value_or('\n')}},
        {length_prefixed_, "--length-prefixed", {Framing::Kind::length_prefixed}},
        {whole_, whole_name_, {Framing::Kind::whole}},
        {json_, "--json", {Framing::Kind::json}},
        {stream_, "--stream", {Framing::Kind::chunks}},
    }};
    const Choice *chosen = nullptr;
    for (const Choice &choice : choices) {
        if (choice.given && chosen)
            return usage_error("{} and {} contradict each other (give one of them)", chosen->name, choice.name);
        if (choice.given)
            chosen = &choice;
    }
    return chosen ? chosen->framing : Framing();
}

} // namespace ipc
