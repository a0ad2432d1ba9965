// SPDX-License-Identifier: MIT
// A message as a line of JSON. Nothing of it is lost on the way out and in again.
//
//     {"payload":"text","length":4,"priority":5,"type":1,"time":"2026-01-31T17:04:05.123456789+01:00"}
//
// A payload that is not UTF-8 stands as "base64" instead. "priority" and "type" are there where the mechanism has them.
#pragma once

#include "framing.hpp"
#include "message_format.hpp"

#include <ipc/result.hpp>

#include <string>
#include <string_view>

namespace ipc {

enum class JsonText { utf8, ascii }; // ascii: safe on any terminal

/// Append the line, without a newline. Without a time if that is IPC_NO_TIME.
void append_json_message(const ReceivedMessage &message, JsonText text, std::string &out);

/// Write the line to stderr, for any terminal: the last trace of a message that no queue holds any more. A few
/// kilobytes of memory do, however long it is.
void write_lost_message(const ReceivedMessage &message);

/// Why work on a message was given up.
struct FailedWork {
    std::string reason;    // "exit status 3"
    int status = 0;        // of the command; 128 + N if signal N ended it
    unsigned attempts = 0; // that were made
    std::string address;   // of the queue that it came from
};

/// The same line with "reason", "status", "attempts" and "address" behind the rest, all in one object.
void append_json_message(const ReceivedMessage &message, const FailedWork &failed, std::string &out);

/// Read a line. One of "payload" and "base64" must be there. "time", "length" and what a failed message has more, which
/// only tell, are passed over; any other key is an error, since it may be a misspelt one. `payload` receives the bytes,
/// to which the message points.
Result<Message> parse_json_message(std::string_view line, std::string &payload);

} // namespace ipc
