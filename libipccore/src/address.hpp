// SPDX-License-Identifier: MIT
// Addresses: how a user names one object, `mechanism:name[?key=value[&key=value]]`.
#pragma once

#include "printable.hpp"
#include "sequence.hpp"
#include "stream_frame.hpp"

#include <ipc/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// What a command works on. Decides what a short form means and which objects its completion offers.
struct Family {
    std::string_view suffix;     // "shm": posix:/x is posix-shm:/x
    std::string_view capability; // what a mechanism must offer to take part
    std::string_view noun;       // "segment"
};
inline constexpr Family segment_family{"shm", IPC_SEGMENT_1, "segment"};
inline constexpr Family queue_family{"mq", IPC_QUEUE_1, "queue"};
inline constexpr Family semaphore_family{"sem", IPC_SEMAPHORE_1, "semaphore"};

struct Address {
    struct Parameter {
        std::string key, value;
    };
    std::string mechanism;
    std::string name;                          // decoded: may hold any byte but NUL
    std::vector<Parameter> parameters;         // the mechanism's
    std::optional<SequenceWord> sequence = {}; // of a segment, for the host alone
    std::optional<StreamFrame> frame = {};     // of a stream, for the host alone

    /// As it can be pasted into a command: encoded, no control characters, and no others that `charset` has not.
    std::string text(Charset charset) const;
    /// For a terminal.
    std::string text() const;
};

/// The usage error for text that is not is_percent_encoded().
Error stray_percent(std::string_view text);

/// The mechanism that a word in front of the colon means: `posix` and `sysv` are short for those of the family.
std::string whole_mechanism(std::string_view mechanism, const Family &family);

/// Read an address. Short forms (`posix:`, `sysv:`, a bare `/name`) are those of `family`. Of segments `seq=`
/// is understood here, of queues `frame=`. The error, a usage error, suggests what was probably meant. Whether the
/// mechanism exists is not asked here.
Result<Address> parse_address(std::string_view text, const Family &family);

} // namespace ipc
