// SPDX-License-Identifier: MIT
#include "drawing.hpp"

#include "curses.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ipc::watch {
namespace {

std::array<attr_t, 11> looks;
attr_t &look_of(Ink ink) { return looks[static_cast<std::size_t>(ink)]; }

attr_t pair(short number, int foreground, int background)
{
    ::init_pair(number, static_cast<short>(foreground), static_cast<short>(background));
    return static_cast<attr_t>(COLOR_PAIR(number));
}

void prepare_colors()
{
    ::start_color();
    ::use_default_colors();
    look_of(Ink::heading) = pair(1, COLOR_BLACK, COLOR_GREEN);
    look_of(Ink::selected) = pair(2, COLOR_BLACK, COLOR_CYAN);
    look_of(Ink::warning) = pair(4, COLOR_YELLOW, -1);
    look_of(Ink::bad) = pair(5, COLOR_RED, -1) | A_BOLD;
    look_of(Ink::key) = pair(3, COLOR_BLACK, COLOR_CYAN);
    look_of(Ink::calm_bar) = pair(6, COLOR_BLACK, COLOR_GREEN);
    look_of(Ink::high_bar) = pair(7, COLOR_BLACK, COLOR_YELLOW);
    look_of(Ink::full_bar) = pair(8, COLOR_WHITE, COLOR_RED) | A_BOLD;
}

} // namespace

void prepare_inks(bool colors)
{
    looks.fill(A_NORMAL);
    look_of(Ink::strong) = look_of(Ink::warning) = look_of(Ink::bad) = A_BOLD;
    look_of(Ink::faint) = A_DIM;
    look_of(Ink::heading) = A_BOLD | A_UNDERLINE;
    for (Ink ink : {Ink::selected, Ink::key, Ink::calm_bar, Ink::high_bar, Ink::full_bar})
        look_of(ink) = A_REVERSE;
    if (colors)
        prepare_colors();
}

Area whole_screen() { return {0, 0, ::getmaxy(stdscr), ::getmaxx(stdscr)}; }

void clear_screen()
{
    ::werase(stdscr);
    ::curs_set(0);
}

void show_screen() { ::wrefresh(stdscr); }

void redraw_screen() { ::clearok(curscr, true); }

void put(int row, int column, int width, std::string_view text, Ink ink, Align align)
{
    const Area screen = whole_screen();
    if (row < 0 || row >= screen.rows || column < 0 || column >= screen.columns)
        return;
    const std::string drawn = fit(text, std::min(width, screen.columns - column), align);
    ::wattrset(stdscr, static_cast<int>(look_of(ink)));
    ::mvwaddnstr(stdscr, row, column, drawn.c_str(), -1);
    ::wattrset(stdscr, A_NORMAL);
}

Area put_frame(const Area &area, std::string_view title, int rows, int columns, Ink ink)
{
    rows = std::min(rows + 2, area.rows);
    columns = std::min(std::max(columns, width_of(title)) + 4, area.columns);
    const Area frame = {area.top + (area.rows - rows) / 2, area.left + (area.columns - columns) / 2, rows, columns};
    put(frame.top, frame.left, columns, fit(fmt::format(" {}", title), columns), ink);
    for (int row = frame.top + 1; row < frame.top + rows - 1; row++)
        put(row, frame.left, columns, "");
    put(frame.top + rows - 1, frame.left, columns, "", ink);
    return {frame.top + 1, frame.left + 2, std::max(rows - 2, 0), std::max(columns - 4, 0)};
}

void put_cursor(int row, int column)
{
    const Area screen = whole_screen();
    ::curs_set(1);
    ::wmove(stdscr, std::clamp(row, 0, screen.rows - 1), std::clamp(column, 0, screen.columns - 1));
}

} // namespace ipc::watch
