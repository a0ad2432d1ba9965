// SPDX-License-Identifier: MIT
// How received messages are written: as they are in their frame, by a format, as a dump or as JSON Lines.
#pragma once

#include "command.hpp"
#include "framing.hpp"
#include "message_format.hpp"

#include <ipc/result.hpp>

#include <functional>
#include <string>

namespace ipc {

/// Appends what is written of a message, with its frame.
using Rendering = std::function<void(const ReceivedMessage &message, std::string &out)>;

/// --format and -x. Declared before parse(), asked behind it.
class RenderingOptions {
public:
    void declare(Command &command);

    /// Empty if messages are written as they are. A terminal on standard output gets nothing that would control it.
    /// `framed` says whether the user chose the framing. Contradictions are usage errors.
    Result<Rendering> rendering(const Framing &framing, bool framed) const;

    bool given() const { return hex_ || format_; }

private:
    std::optional<MessageFormat> format_;
    bool hex_ = false;
};

} // namespace ipc
