// SPDX-License-Identifier: MIT
#include "table.hpp"

#include <algorithm>
#include <numeric>

namespace ipc::watch {
namespace {

constexpr int gap = 2;
constexpr int least_width = 4; // of a cut column; less tells nothing

Align align_of(const LiveColumn &column) { return column.right ? Align::right : Align::left; }

int total_of(const std::vector<int> &widths)
{
    return std::accumulate(widths.begin(), widths.end(), 0) + gap * (static_cast<int>(widths.size()) - 1);
}

std::string name_with_order(const Model &model, const LiveColumn &column)
{
    std::string name(column.name);
    if (&column == model.sort_column())
        name += locale_is_utf8() ? (model.descending() ? "▼" : "▲") : (model.descending() ? "v" : "^");
    return name;
}

Ink ink_of(const Object &object)
{
    if (object.state == State::orphan)
        return Ink::warning;
    return object.state == State::removed ? Ink::faint : Ink::plain;
}

} // namespace

std::vector<Table::Place> Table::arrange(const Model &model, int width)
{
    const std::vector<int> &widths = model.widths();
    const auto count = static_cast<int>(widths.size());
    // Where all do not fit, the first, which always stays, leaves half of the room to the others.
    const bool fits = total_of(widths) <= width;
    const int first = fits ? widths[0] : std::min(widths[0], std::max(width / 2, least_width));
    int last_start = count; // the leftmost column from which all the rest fits
    for (int room = width - first; last_start > 1; last_start--)
        if ((room -= gap + widths[static_cast<std::size_t>(last_start) - 1]) < 0)
            break;
    skipped_ = fits ? 0 : std::clamp(skipped_, 0, std::max(std::min(last_start, count - 1) - 1, 0));

    std::vector<Place> places = {{0, 0, std::min(first, width)}};
    int left = first + gap;
    for (auto i = static_cast<std::size_t>(1 + skipped_); i < widths.size() && left + least_width <= width; i++) {
        places.push_back({i, left, std::min(widths[i], width - left)});
        left += widths[i] + gap;
    }
    return places;
}

void Table::draw_heading(const Model &model, const std::vector<Place> &places, const Area &area) const
{
    put(area.top, 0, area.columns, "", Ink::heading);
    for (const Place &place : places) {
        const LiveColumn &column = *model.columns()[place.column];
        put(area.top, place.left, place.width, name_with_order(model, column), Ink::heading, align_of(column));
    }
    const Place &last = places.back();
    const bool more = last.column + 1 < model.columns().size() || last.width < model.widths()[last.column];
    if (skipped_ > 0 && places.size() > 1)
        put(area.top, places[1].left - 1, 1, "<", Ink::heading);
    if (more)
        put(area.top, area.columns - 1, 1, ">", Ink::heading);
}

void Table::draw(const Model &model, const Area &area)
{
    if (area.rows <= 0 || area.columns <= 0 || model.widths().empty())
        return;
    const std::vector<Place> places = arrange(model, area.columns);
    draw_heading(model, places, area);
    page_rows_ = std::max(area.rows - 1, 1);
    const auto count = static_cast<int>(model.rows().size());
    const auto position = static_cast<int>(model.position());
    top_ = std::clamp(std::clamp(top_, position - page_rows_ + 1, position), 0, std::max(count - page_rows_, 0));
    for (int i = 0; i < area.rows - 1 && top_ + i < count; i++) {
        const Row &row = model.rows()[static_cast<std::size_t>(top_ + i)];
        const Ink ink = top_ + i == position ? Ink::selected : ink_of(*row.object);
        put(area.top + 1 + i, 0, area.columns, "", ink);
        for (const Place &place : places)
            put(area.top + 1 + i, place.left, place.width, row.texts[place.column], ink,
                align_of(*model.columns()[place.column]));
    }
}

} // namespace ipc::watch
