// SPDX-License-Identifier: MIT
#include "overview.hpp"

#include "quantity.hpp"
#include "summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ipc::watch {
namespace {

constexpr int least_table = 4;       // rows that the table keeps
constexpr int least_for_gauges = 12; // rows of the area
constexpr int bar_width = 24;
constexpr int least_gauge = 30;
constexpr int gap = 2;

void draw_title(const Model &model, const Course &course, int row, int width)
{
    const std::string counts = count_objects(model.objects());
    const std::string time = format_time(model.snapshot().taken).substr(11);
    const double seconds = std::chrono::duration<double>(course.delay).count();
    const std::string right = course.paused ? "PAUSED  " + time : fmt::format("every {:.4g} s  {}", seconds, time);
    const int left = std::max(width - width_of(right) - gap, 0);
    const bool both = width_of(counts) <= left;
    if (both)
        put(row, width - width_of(right), width_of(right), right, course.paused ? Ink::warning : Ink::plain);
    else if (course.paused)
        return put(row, 0, width, "PAUSED  " + counts, Ink::warning);
    put(row, 0, both ? left : width, counts, Ink::strong);
}

Ink bar_ink(const Gauge &gauge)
{
    return gauge.fraction < 0.7 ? Ink::calm_bar : gauge.fraction < 0.9 ? Ink::high_bar : Ink::full_bar;
}

/// What is used is drawn reversed, whether it holds text or not.
void draw_bar(const Gauge &gauge, int row, int column, int width)
{
    const int room = width - 2;
    const int filled = static_cast<int>(std::lround(std::clamp(gauge.fraction, 0.0, 1.0) * room));
    const std::string text = fit(gauge.amount + " " + percent_of(gauge), room, Align::right);
    put(row, column, 1, "[");
    put(row, column + 1, room, text);
    put(row, column + 1, filled, std::string_view(text).substr(0, static_cast<std::size_t>(filled)), bar_ink(gauge));
    put(row, column + 1 + room, 1, "]");
}

void draw_gauge(const Gauge &gauge, int label, int row, int column, int width)
{
    put(row, column, label, gauge.label);
    if (gauge.fraction < 0 || width - label < 12)
        return put(row, column + label + 1, width - label - 1, gauge.amount + " " + percent_of(gauge));
    draw_bar(gauge, row, column + label + 1, width - label - 1);
}

int rows_for(int count, int per_row) { return (count + per_row - 1) / per_row; }

/// Returns the rows it took, at most `rows`.
int draw_gauges(const std::vector<Gauge> &gauges, int top, int rows, int width)
{
    if (gauges.empty() || rows <= 0)
        return 0;
    int label = 0;
    for (const Gauge &gauge : gauges)
        label = std::max(label, width_of(gauge.label));
    const int count = static_cast<int>(gauges.size());
    const int comfortable = std::max((width + gap) / (label + 1 + bar_width + gap), 1);
    const int per_row = std::min(std::max(comfortable, rows_for(count, rows)), std::max(width / least_gauge, 1));
    const int each = (width + gap) / per_row - gap;
    label = std::clamp(each - 1 - bar_width, each / 3, label);
    const int shown = std::min(count, rows * per_row);
    for (int i = 0; i < shown; i++)
        draw_gauge(gauges[static_cast<std::size_t>(i)], label, top + i / per_row, i % per_row * (each + gap), each);
    return rows_for(shown, per_row);
}

int draw_notices(const std::vector<std::string> &notices, int row, int width)
{
    if (notices.empty())
        return 0;
    const std::string more = notices.size() > 1 ? fmt::format(" (1 of {}, w shows all)", notices.size())
                             : width_of(notices.front()) > width ? " (w shows all)"
                                                                 : "";
    put(row, 0, width - width_of(more), notices.front(), Ink::warning);
    put(row, std::min(width_of(notices.front()), width - width_of(more)), width_of(more), more, Ink::warning);
    return 1;
}

int draw_restriction(const Model &model, int row, int width)
{
    const std::string restriction = restriction_of(model);
    if (restriction.empty())
        return 0;
    const char *hint = model.filter().empty() ? "" : ", \\ changes it";
    put(row, 0, width,
        fmt::format("Only {}   ({} of {} shown{})", restriction, model.rows().size(), model.snapshot().objects.size(),
                    hint),
        Ink::selected);
    return 1;
}

} // namespace

int draw_overview(const Model &model, const Course &course, const Area &area)
{
    int rows = 0;
    const auto has_room = [&] { return area.rows - rows > least_table; };
    if (has_room())
        draw_title(model, course, area.top + rows++, area.columns);
    if (area.rows >= least_for_gauges)
        rows += draw_gauges(gauges_of(model.snapshot()), area.top + rows, area.rows / 4, area.columns);
    if (has_room())
        rows += draw_notices(notices_of(model.snapshot()), area.top + rows, area.columns);
    if (area.rows - rows > 1)
        rows += draw_restriction(model, area.top + rows, area.columns);
    return rows;
}

} // namespace ipc::watch
