// SPDX-License-Identifier: MIT
// What the keys do. One list for the keyboard, the help page and the key line.
#pragma once

#include "terminal.hpp"

#include <span>
#include <string_view>

namespace ipc::watch {

enum class Action {
    none,
    up,
    down,
    page_up,
    page_down,
    first,
    last,
    scroll_left,
    scroll_right,
    sort_left,
    sort_right,
    invert,
    choose_sort,
    search,
    next,
    previous,
    filter,
    pause,
    details,
    details_up,
    details_down,
    notices,
    remove,
    redraw,
    help,
    quit,
};

struct Binding {
    Action action;
    std::string_view keys;  // as the help page names them
    std::string_view label; // in the key line; empty: not there
    std::string_view help;
    Key codes[4]; // 0: none
};

/// All of them, in the order of the help page; the key line has them in the order of importance.
std::span<const Binding> bindings();

/// Is the binding there at all? Nothing can be removed where one may only look.
bool is_offered(const Binding &binding, bool readonly);

Action action_of(Key key, bool readonly);

inline constexpr Key escape = 27;
bool is_enter(Key key);

} // namespace ipc::watch
