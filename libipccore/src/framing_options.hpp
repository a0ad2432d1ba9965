// SPDX-License-Identifier: MIT
// The options by which a command is told where records end: -0, -d, -L, -J, --stream, and -s or -N.
#pragma once

#include "command.hpp"
#include "framing.hpp"

#include <ipc/result.hpp>

#include <optional>

namespace ipc {

/// Declared before parse(), asked behind it.
class FramingOptions {
public:
    void declare_input(Command &command);
    void declare_output(Command &command);

    /// Lines unless told otherwise; a usage error if two options contradict each other.
    Result<Framing> framing() const;
    /// Was any of them given?
    bool given() const { return null_ || delimiter_ || length_prefixed_ || json_ || whole_ || stream_; }

private:
    void declare_common(Command &command);
    bool null_ = false, length_prefixed_ = false, json_ = false, whole_ = false, stream_ = false;
    std::string_view whole_name_;
    std::optional<char> delimiter_;
};

} // namespace ipc
