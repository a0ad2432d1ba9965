// SPDX-License-Identifier: MIT
// The columns of an object. One list for text, raw and JSON, for ipcls and ipcwatch.
#pragma once

#include "snapshot.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ipc {

struct Bytes {
    std::uint64_t value;
    auto operator<=>(const Bytes &) const = default;
};
struct Time {
    std::int64_t value; // nanoseconds since 1970
    auto operator<=>(const Time &) const = default;
};
struct Unknown {
    auto operator<=>(const Unknown &) const = default;
}; // shown as `?`
struct Absent {
    auto operator<=>(const Absent &) const = default;
}; // the mechanism has no such thing: shown as `-`
using Cell = std::variant<Absent, Unknown, std::uint64_t, Bytes, Time, std::string>;

/// Absent if it is IPC_NO_TIME.
Cell time_cell(std::int64_t nanoseconds);

/// When a column is printed that nobody asked for: a table of objects none of which has such a thing has no use for it.
enum class Shown { on_request, where_present, where_positive, always };

struct Column {
    std::string_view name; // "MAX-MESSAGES"; in JSON "max_messages"
    std::string_view help; // one phrase
    bool right;            // aligned
    Shown shown;
    Cell (*value)(const Object &);
};

/// All columns, in their usual order.
std::span<const Column> object_columns();

/// "A,B" in any case, or "+A,B" for the default ones and these; "" for the default ones. An unknown name is a usage
/// error with a suggestion. A + may stand in front of the others too.
Result<std::vector<const Column *>> choose_columns(std::string_view chosen);

/// Has one of these objects something to show in it, for those who did not ask?
bool has_to_show(const Column &column, std::span<const Object> objects);

/// The default ones for a table of these objects.
std::vector<const Column *> default_columns(std::span<const Object> objects);

/// As text, always harmless for a terminal. `exact`: bytes as plain numbers, times in ISO form (-b, --raw).
std::string text_of(const Cell &cell, bool exact);
/// The same behind what `out` holds already, without a string for each cell.
void append_text(std::string &out, const Cell &cell, bool exact);

/// The key of a column in JSON.
std::string json_key(std::string_view column);
/// As JSON: numbers are numbers, unknown and absent are null, times ISO strings.
nlohmann::ordered_json json_of(const Cell &cell);
/// Any text in JSON, which takes UTF-8 alone: other bytes become \xNN.
std::string json_text(std::string_view text);
/// JSON as it is printed, in ASCII: every other character is \uNNNN, so that it is the same in every locale and no
/// terminal acts on it. `indent` -1: in one line.
std::string json_dump(const nlohmann::ordered_json &json, int indent);

/// What is chosen by one option more.
void choose_more_columns(std::string &chosen, std::string_view more);
/// The names in such a choice.
std::vector<std::string_view> column_names_of(std::string_view chosen);

/// {pid, thread, command, offset, since}.
nlohmann::ordered_json json_of(const Object &object, const Party &party);

/// One object with the chosen columns in their order; HOLDERS is an array of {pid, command, user, access, has_locked,
/// waits, since}, LOCKED-BY one of parties, PIDS one of numbers.
nlohmann::ordered_json json_of(const Object &object, const std::vector<const Column *> &columns);

/// Orders cells of one column: absent and unknown last.
bool less(const Cell &left, const Cell &right);

} // namespace ipc
