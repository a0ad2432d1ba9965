// SPDX-License-Identifier: MIT
// The columns of the live view: those of an object, as ipcls has them, and those of its past.
#pragma once

#include "columns.hpp"
#include "past.hpp"

#include <ipc/result.hpp>

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ipc::watch {

struct LiveColumn {
    std::string_view name, help;
    bool right; // aligned
    bool by_default;
    int least_width;      // so that a column that grows from sample to sample moves none of the others
    const Column *listed; // one of object_columns(); null: one of the past's, with the three below
    std::string (*text)(const Past &);
    nlohmann::ordered_json (*json)(const Past &);
    Cell (*rank)(const Past &); // what it is sorted by
};

/// All of them, in their usual order. Lives as long as the process.
const std::vector<LiveColumn> &live_columns();

using ChosenColumns = std::vector<const LiveColumn *>;

/// "A,B", or "+A,B" for the default ones and these; "" for the default ones. An unknown name is a usage error with a
/// suggestion.
Result<ChosenColumns> choose_live_columns(std::string_view chosen);

/// Is it of those that are added to the usual ones while an object has something to show in it?
bool comes_and_goes(const LiveColumn &column);

/// By name, in any case. An unknown one is a usage error with a suggestion.
Result<const LiveColumn *> find_live_column(std::string_view name);

/// What stands in the table, harmless for a terminal.
std::string text_of(const LiveColumn &column, const Object &object, const Past &past);

/// What to sort by, with less() of columns.hpp.
Cell rank_of(const LiveColumn &column, const Object &object, const Past &past);

/// The chosen columns of an object; numbers are numbers, a history is an array of them.
nlohmann::ordered_json json_of(const ChosenColumns &columns, const Object &object, const Past &past);

} // namespace ipc::watch
