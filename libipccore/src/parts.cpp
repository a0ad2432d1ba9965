// SPDX-License-Identifier: MIT
// The table is aligned here: libsmartcols, loaded by every start of a command for the few that print one, would nearly
// double what a start costs.
#include "parts.hpp"

#include "columns.hpp"
#include "printable.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace ipc {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t columns = 4;
using Row = std::array<std::string, columns>;
constexpr std::array<bool, columns> is_number = {false, false, true, true};

std::string number_or_unknown(std::uint64_t number) { return number == IPC_UNKNOWN ? "?" : fmt::format("{}", number); }

Row row_of(const Segment::Part &part)
{
    const auto text = [](const std::string &name) { return name.empty() ? "-" : printable(name); };
    return {part.is_free ? "(free)" : text(part.name), part.is_free ? "-" : text(part.type),
            number_or_unknown(part.bytes), number_or_unknown(part.offset)};
}

/// Characters, most of which take one column.
std::size_t width_of(const std::string &text)
{
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

void append_row(const Row &row, const std::array<std::size_t, columns> &widths, std::string &out)
{
    for (std::size_t i = 0; i < columns; i++) {
        const std::string padding(widths[i] - width_of(row[i]), ' ');
        out.append(i ? " " : "").append(is_number[i] ? padding + row[i] : row[i] + padding);
    }
    out += '\n';
}

} // namespace

std::string parts_table(std::span<const Segment::Part> parts)
{
    std::vector<Row> rows = {{"NAME", "TYPE", "SIZE", "OFFSET"}};
    std::transform(parts.begin(), parts.end(), std::back_inserter(rows), row_of);
    std::array<std::size_t, columns> widths = {};
    for (const Row &row : rows)
        for (std::size_t i = 0; i < columns; i++)
            widths[i] = std::max(widths[i], width_of(row[i]));
    std::string text;
    for (const Row &row : rows)
        append_row(row, widths, text);
    return text;
}

std::string parts_json(const Address &address, std::span<const Segment::Part> parts)
{
    const auto number = [](std::uint64_t value) { return value == IPC_UNKNOWN ? Json(nullptr) : Json(value); };
    Json list = Json::array();
    for (const Segment::Part &part : parts)
        list.push_back({{"name", part.is_free ? Json(nullptr) : Json(json_text(part.name))},
                        {"type", part.type.empty() ? Json(nullptr) : Json(json_text(part.type))},
                        {"size", number(part.bytes)},
                        {"offset", number(part.offset)},
                        {"free", part.is_free}});
    return json_dump({{"address", address.text(Charset::utf8)}, {"parts", std::move(list)}}, -1);
}

} // namespace ipc
