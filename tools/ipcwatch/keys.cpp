// SPDX-License-Identifier: MIT
#include "keys.hpp"

#include "curses.hpp"

#include <algorithm>
#include <iterator>

namespace ipc::watch {
namespace {

constexpr Key control(char letter) { return letter & 0x1f; }

constexpr Binding all[] = {
    {Action::help, "F1 h ?", "Help", "this page", {special(KEY_F(1)), 'h', '?'}},
    {Action::quit, "q F10", "Quit", "end", {'q', special(KEY_F(10))}},
    {Action::details,
     "Enter i",
     "Details",
     "open or close the details of the selected object",
     {'\r', 'i', special(KEY_ENTER), '\n'}},
    {Action::search, "/ F3", "Search", "go to the next object that contains a text", {'/', special(KEY_F(3))}},
    {Action::next, "n", "", "the next one that contains it", {'n'}},
    {Action::previous, "N", "", "the one before", {'N'}},
    {Action::filter,
     "\\ F4",
     "Filter",
     "show only objects that contain all words of a text, and no !word",
     {'\\', special(KEY_F(4))}},
    {Action::choose_sort, "F6", "Sort", "choose the column to sort by", {special(KEY_F(6))}},
    {Action::sort_left, "<", "", "sort by the column to the left", {'<'}},
    {Action::sort_right, ">", "", "sort by the column to the right", {'>'}},
    {Action::invert, "I", "", "invert the order", {'I'}},
    {Action::pause, "Z", "Pause", "stop taking samples, and go on", {'Z'}},
    {Action::remove, "F9 k", "Remove", "remove the selected object, after a question", {special(KEY_F(9)), 'k'}},
    {Action::up, "Up Down", "", "select another object", {special(KEY_UP)}},
    {Action::down, "", "", "", {special(KEY_DOWN)}},
    {Action::page_up, "PgUp PgDn", "", "the same by pages", {special(KEY_PPAGE)}},
    {Action::page_down, "", "", "", {special(KEY_NPAGE)}},
    {Action::first, "Home End", "", "the first, the last object", {special(KEY_HOME)}},
    {Action::last, "", "", "", {special(KEY_END)}},
    {Action::scroll_left, "Left Right", "", "show columns that do not fit", {special(KEY_LEFT)}},
    {Action::scroll_right, "", "", "", {special(KEY_RIGHT)}},
    {Action::details_up, "[ ]", "", "scroll the details", {'['}},
    {Action::details_down, "", "", "", {']'}},
    {Action::notices, "w", "", "what is hidden, and why", {'w'}},
    {Action::redraw, "Ctrl-L", "", "draw the screen anew", {control('L')}},
};

bool has_code(const Binding &binding, Key key)
{
    return key != 0 && std::find(std::begin(binding.codes), std::end(binding.codes), key) != std::end(binding.codes);
}

} // namespace

std::span<const Binding> bindings() { return all; }

bool is_offered(const Binding &binding, bool readonly) { return !readonly || binding.action != Action::remove; }

Action action_of(Key key, bool readonly)
{
    for (const Binding &binding : all)
        if (has_code(binding, key) && is_offered(binding, readonly))
            return binding.action;
    return Action::none;
}

bool is_enter(Key key) { return key == '\r' || key == '\n' || key == special(KEY_ENTER); }

} // namespace ipc::watch
