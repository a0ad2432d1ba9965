// SPDX-License-Identifier: MIT
// The head of the screen: counts, limits, notices, and whether something is held back.
#pragma once

#include "drawing.hpp"
#include "model.hpp"

#include <chrono>

namespace ipc::watch {

struct Course {
    bool paused;
    std::chrono::nanoseconds delay;
};

/// Draw it at the top of `area`, with as much of it as leaves room for the table. Returns the rows it took.
int draw_overview(const Model &model, const Course &course, const Area &area);

} // namespace ipc::watch
