// SPDX-License-Identifier: MIT
#include "frame.hpp"

#include "columns.hpp"
#include "lettering.hpp"
#include "limits.hpp"
#include "quantity.hpp"
#include "summary.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace ipc::watch {
namespace {

/// `text(i)` of each column, side by side.
template <typename Text> std::string line_of(const Model &model, Text text)
{
    std::string line;
    for (std::size_t i = 0; i < model.columns().size(); i++) {
        line += i ? "  " : "";
        line += fit(text(i), model.widths()[i], model.columns()[i]->right ? Align::right : Align::left);
    }
    return line.erase(line.find_last_not_of(' ') + 1) + '\n';
}

std::string gauge_lines(const std::vector<Gauge> &gauges)
{
    int label = 0;
    for (const Gauge &gauge : gauges)
        label = std::max(label, width_of(gauge.label));
    std::string lines;
    for (const Gauge &gauge : gauges) {
        const std::string percent = percent_of(gauge);
        lines +=
            fmt::format("{}  {}{}{}\n", fit(gauge.label, label), gauge.amount, percent.empty() ? "" : ", ", percent);
    }
    return lines;
}

} // namespace

std::string frame_of(const Model &model)
{
    const Snapshot &snapshot = model.snapshot();
    std::string frame = fmt::format("{}  {}\n", format_time(snapshot.taken), count_objects(model.objects()));
    frame += gauge_lines(gauges_of(snapshot));
    for (const std::string &notice : notices_of(snapshot))
        frame += fmt::format("note: {}\n", notice);
    if (const std::string restriction = restriction_of(model); !restriction.empty())
        frame += fmt::format("only: {}\n", restriction);
    frame += '\n';
    frame += line_of(model, [&](std::size_t i) { return model.columns()[i]->name; });
    for (const Row &row : model.rows())
        frame += line_of(model, [&](std::size_t i) -> std::string_view { return row.texts[i]; });
    return frame + '\n';
}

std::string json_line_of(const Model &model)
{
    nlohmann::ordered_json line = {{"time", format_time_iso(model.snapshot().taken)},
                                   {"objects", nlohmann::ordered_json::array()},
                                   {"limits", nlohmann::ordered_json::array()},
                                   {"notices", notices_of(model.snapshot())}};
    for (const Row &row : model.rows())
        line["objects"].push_back(json_of(model.columns(), *row.object, *row.past));
    for (const Limit &limit : model.snapshot().limits)
        line["limits"].push_back(json_of(limit));
    return json_dump(line, -1) + '\n';
}

} // namespace ipc::watch
