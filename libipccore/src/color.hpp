// SPDX-License-Identifier: MIT
// Whether a command may use colours: --color, the same in all that have any, and NO_COLOR.
#pragma once

#include "command.hpp"

#include <string_view>

namespace ipc {

class ColorOption {
public:
    /// Declared before parse(). `help` says what is coloured.
    void declare(Command &command, std::string_view help);

    /// Colours on `fd`? Left to itself: on a terminal that has them, unless NO_COLOR is set to anything.
    bool wanted(int fd) const;

private:
    enum class When { automatic, always, never };
    When when_ = When::automatic;
};

} // namespace ipc
