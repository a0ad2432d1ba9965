// SPDX-License-Identifier: MIT
// How received messages are shown: a format with conversions.
#pragma once

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// A message and what is known of it. Borrows its bytes.
struct ReceivedMessage {
    std::span<const std::byte> bytes;
    std::uint32_t fields = 0; // which of priority and type it has: IPC_QUEUE_…
    std::uint32_t priority = 0;
    std::int64_t type = 0;
    std::int64_t time = IPC_NO_TIME; // when it was received, nanoseconds since 1970
    std::uint64_t index = 1;         // among those of this run, from 1
};

/// Whether payloads go to a terminal, which their control characters must not reach.
enum class OutputKind { stream, terminal };

class MessageFormat {
public:
    /// The conversions, for help texts.
    static constexpr std::string_view help =
        "%p payload, %l its length in bytes, %x payload in hexadecimal, %P priority, %t type, %T time of receiving, "
        "%i number of the message, %% a percent sign; \\n \\t \\0 \\xNN and the like as in C";

    /// A usage error for an unknown conversion or escape.
    static Result<MessageFormat> parse(std::string_view text);

    /// Append the message, without any terminator. A priority or type that it has not is `-`.
    void append(const ReceivedMessage &message, OutputKind kind, std::string &out) const;

private:
    struct Piece {
        std::string literal; // in front of the conversion
        char conversion;     // 0 behind the last one
    };
    std::vector<Piece> pieces_;
};

/// The payload as text: unchanged for a stream, printable for a terminal.
void append_payload(std::span<const std::byte> bytes, OutputKind kind, std::string &out);

} // namespace ipc
