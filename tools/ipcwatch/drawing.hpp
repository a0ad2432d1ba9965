// SPDX-License-Identifier: MIT
// Putting text on the screen. What lies outside of it is cut off, so that every size of terminal is safe.
#pragma once

#include "lettering.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ipc::watch {

struct Area {
    int top, left, rows, columns;
};

/// What text means; how it looks depends on the terminal.
enum class Ink { plain, strong, faint, heading, selected, warning, bad, key, calm_bar, high_bar, full_bar };

/// Choose the looks. Called once the screen is there.
void prepare_inks(bool colors);

/// The screen, as large as it is now.
Area whole_screen();

/// Begin and end a picture: nothing is seen before the end.
void clear_screen();
void show_screen();

/// Draw all of it anew the next time, whatever another program has left there.
void redraw_screen();

/// `text`, which is printable(), in exactly `width` columns.
void put(int row, int column, int width, std::string_view text, Ink ink = Ink::plain, Align align = Align::left);

/// Empty a frame with a title in the middle of `area`, as large as its content if there is room; returns what is
/// inside.
Area put_frame(const Area &area, std::string_view title, int rows, int columns, Ink ink);

/// Show the cursor there; hidden otherwise.
void put_cursor(int row, int column);

} // namespace ipc::watch
