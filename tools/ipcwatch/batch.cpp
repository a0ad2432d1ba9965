// SPDX-License-Identifier: MIT
#include "batch.hpp"

#include "command.hpp"
#include "lettering.hpp"
#include "printable.hpp"
#include "quantity.hpp"
#include "summary.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <thread>

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

nlohmann::ordered_json number_or_null(std::uint64_t value)
{
    return value == IPC_UNKNOWN ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(value);
}

nlohmann::ordered_json json_of(const Limit &limit)
{
    return {{"mechanism", limit.mechanism},       {"name", limit.name},
            {"meaning", limit.meaning},           {"limit", number_or_null(limit.limit)},
            {"used", number_or_null(limit.used)}, {"unit", limit.bytes ? "bytes" : "objects"}};
}

} // namespace

std::string frame_of(const Model &model)
{
    const Snapshot &snapshot = model.snapshot();
    std::string frame = fmt::format("{}  {}\n", format_time(snapshot.taken), count_objects(model.objects()));
    for (const Gauge &gauge : gauges_of(snapshot))
        frame += fmt::format("{:<28} {} {}\n", gauge.label, gauge.amount, percent_of(gauge));
    for (const std::string &notice : notices_of(snapshot))
        frame += fmt::format("note: {}\n", notice);
    if (!model.filter().empty())
        frame += fmt::format("filter: {}\n", printable(model.filter()));
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
    return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

Result<void> print_samples(Model &model, const Sampler &sample, const Pace &pace, std::string (*form)(const Model &))
{
    auto due = std::chrono::steady_clock::now();
    for (std::uint64_t taken = 1;; taken++) {
        model.take(sample());
        IPC_TRY(print(form(model)));
        if (taken == pace.samples)
            return {};
        due = std::max(due + pace.delay, std::chrono::steady_clock::now());
        std::this_thread::sleep_until(due);
    }
}

} // namespace ipc::watch
