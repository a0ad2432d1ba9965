// SPDX-License-Identifier: MIT
#include "live_columns.hpp"

#include "error.hpp"
#include "lettering.hpp"
#include "printable.hpp"
#include "suggestion.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace ipc::watch {
namespace {

constexpr int history_width = 16;
constexpr std::string_view replaced = "MESSAGES"; // DEPTH says the same
constexpr std::string_view too_long = "DETAIL";   // which has a place of its own

std::string depth_text(const Past &past) { return text_of(past.depth(), false); }

std::string change_text(const Past &past)
{
    if (past.change())
        return *past.change() ? fmt::format("{:+}", *past.change()) : "0";
    return past.depths().empty() ? depth_text(past) : "-";
}

std::string history_text(const Past &past)
{
    return past.depths().empty() ? depth_text(past) : sparkline(past.depths(), history_width, locale_is_utf8());
}

nlohmann::ordered_json depth_json(const Past &past) { return json_of(past.depth()); }

nlohmann::ordered_json change_json(const Past &past)
{
    return past.change() ? nlohmann::ordered_json(*past.change()) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json history_json(const Past &past)
{
    return past.depths().empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(past.depths());
}

Cell depth_rank(const Past &past) { return past.depth(); }

Cell change_rank(const Past &past)
{
    if (!past.change())
        return past.depths().empty() ? past.depth() : Cell(Unknown{});
    return static_cast<std::uint64_t>(*past.change()) ^ (std::uint64_t{1} << 63); // so that -1 comes before 0
}

Cell history_rank(const Past &past)
{
    if (past.depths().empty())
        return past.depth();
    return *std::max_element(past.depths().begin(), past.depths().end());
}

constexpr LiveColumn past_columns[] = {
    {"DEPTH", "messages waiting", true, true, 0, nullptr, depth_text, depth_json, depth_rank},
    {"CHANGE", "of the depth since the last sample", true, true, 0, nullptr, change_text, change_json, change_rank},
    {"HISTORY", "of the depth, the newest at the right (sorts by the highest)", false, true, history_width, nullptr,
     history_text, history_json, history_rank},
};

std::string upper(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char letter) {
        return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter;
    });
    return out;
}

std::vector<LiveColumn> all_columns()
{
    std::vector<LiveColumn> all;
    for (const Column &column : object_columns()) {
        const bool by_default = column.shown == Shown::always && column.name != replaced;
        all.push_back({column.name, column.help, column.right, by_default, 0, &column, nullptr, nullptr, nullptr});
        if (column.name == replaced)
            all.insert(all.end(), std::begin(past_columns), std::end(past_columns));
    }
    return all;
}

ChosenColumns default_columns()
{
    ChosenColumns chosen;
    for (const LiveColumn &column : live_columns())
        if (column.by_default)
            chosen.push_back(&column);
    return chosen;
}

Error unknown_column(std::string_view name)
{
    std::vector<std::string> names;
    for (const LiveColumn &column : live_columns())
        names.emplace_back(column.name);
    if (auto likely = suggestion(upper(name), names))
        return usage_error("there is no column \"{}\" (did you mean {}?)", printable(name), *likely);
    return usage_error("there is no column \"{}\" (-s help lists them)", printable(name));
}

} // namespace

const std::vector<LiveColumn> &live_columns()
{
    static const std::vector<LiveColumn> columns = all_columns();
    return columns;
}

Result<const LiveColumn *> find_live_column(std::string_view name)
{
    for (const LiveColumn &column : live_columns())
        if (column.name == upper(name))
            return &column;
    return unknown_column(name);
}

Result<ChosenColumns> choose_live_columns(std::string_view chosen)
{
    ChosenColumns columns;
    if (chosen.empty() || chosen.front() == '+')
        columns = default_columns();
    for (const std::string_view name : column_names_of(chosen)) {
        const LiveColumn *column = IPC_TRY(find_live_column(name));
        if (std::find(columns.begin(), columns.end(), column) == columns.end())
            columns.push_back(column);
    }
    return columns;
}

bool comes_and_goes(const LiveColumn &column)
{
    return column.listed && column.name != too_long && column.listed->shown != Shown::always &&
           column.listed->shown != Shown::on_request;
}

std::string text_of(const LiveColumn &column, const Object &object, const Past &past)
{
    return column.listed ? text_of(column.listed->value(object), false) : column.text(past);
}

Cell rank_of(const LiveColumn &column, const Object &object, const Past &past)
{
    return column.listed ? column.listed->value(object) : column.rank(past);
}

nlohmann::ordered_json json_of(const ChosenColumns &columns, const Object &object, const Past &past)
{
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const LiveColumn *column : columns) {
        if (column->listed)
            json.update(json_of(object, {column->listed}));
        else
            json[json_key(column->name)] = column->json(past);
    }
    return json;
}

} // namespace ipc::watch
