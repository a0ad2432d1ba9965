// SPDX-License-Identifier: MIT
// The table of the screen: as much of the rows and columns as fits around what is selected.
#pragma once

#include "drawing.hpp"
#include "model.hpp"

#include <vector>

namespace ipc::watch {

class Table {
public:
    void draw(const Model &model, const Area &area);

    /// Rows of objects that the last picture had room for, at least 1.
    int page_rows() const { return page_rows_; }
    /// Columns to the right (or left); the first always stays.
    void scroll(int columns) { skipped_ += columns; }

private:
    struct Place {
        std::size_t column; // index in the model's columns
        int left, width;
    };
    std::vector<Place> arrange(const Model &model, int width);
    void draw_heading(const Model &model, const std::vector<Place> &places, const Area &area) const;

    int page_rows_ = 1;
    int top_ = 0;
    int skipped_ = 0; // columns behind the first
};

} // namespace ipc::watch
