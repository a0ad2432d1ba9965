// SPDX-License-Identifier: MIT
#include "details.hpp"

#include "lettering.hpp"
#include "printable.hpp"
#include "quantity.hpp"

#include <fmt/format.h>

#include <pwd.h>

#include <algorithm>
#include <iterator>

namespace ipc::watch {
namespace {

constexpr int pair_width = 38; // two of them fit into 80 columns

/// Told elsewhere: in the title, and in a table of its own.
bool has_own_place(std::string_view column)
{
    constexpr std::string_view own[] = {"ADDRESS", "MECHANISM", "NAME", "PIDS", "HOLDERS"};
    return std::find(std::begin(own), std::end(own), column) != std::end(own);
}

std::string fact(std::string_view name, std::string_view value) { return fmt::format("{:<13} {}", name, value); }

std::string user_name(std::uint32_t user)
{
    const passwd *entry = ::getpwuid(user);
    return entry ? printable(entry->pw_name) : fmt::to_string(user);
}

std::vector<std::string> facts_of(const Object &object)
{
    std::vector<std::string> facts;
    for (const Column &column : object_columns()) {
        if (has_own_place(column.name))
            continue;
        if (const Cell cell = column.value(object); !std::holds_alternative<Absent>(cell))
            facts.push_back(fact(column.name, text_of(cell, false)));
    }
    if (object.facts.identity.birth != IPC_NO_TIME)
        facts.push_back(fact("BIRTH", format_time(object.facts.identity.birth)));
    return facts;
}

/// Side by side, as many as fit; a long one takes the room of several.
void append_side_by_side(std::vector<std::string> &lines, const std::vector<std::string> &facts, int width)
{
    int used = 0;
    for (const std::string &fact : facts) {
        const int cells = std::max(1, (width_of(fact) + 1 + pair_width) / (pair_width + 1));
        const int wanted = std::min(cells * (pair_width + 1), width);
        if (used == 0 || used + wanted > width) {
            lines.emplace_back();
            used = 0;
        }
        lines.back() += fit(fact, wanted);
        used += wanted;
    }
}

void append_past(std::vector<std::string> &lines, const Past &past, int width)
{
    if (past.depths().empty())
        return;
    const auto room = static_cast<std::size_t>(std::max(width - 34, 1));
    const auto highest = *std::max_element(past.depths().begin(), past.depths().end());
    const std::string bars = sparkline(past.depths(), room, locale_is_utf8());
    lines.push_back(fact("HISTORY", fmt::format("{}  highest {}", bars, highest)));
}

std::string access_text(const Holder &holder)
{
    const bool reads = holder.access & IPC_READ, writes = holder.access & IPC_WRITE;
    return reads && writes ? "read, write" : reads ? "read" : writes ? "write" : "-";
}

std::string waiting_text(const Holder &holder)
{
    const std::pair<bool, std::string_view> waits[] = {{holder.waits_to_receive, "to receive"},
                                                       {holder.waits_to_send, "to send"},
                                                       {holder.waits_to_lock, "to lock"},
                                                       {holder.waits_at_word, "at a word"}};
    std::string text;
    for (const auto &[does, what] : waits)
        if (does)
            text.append(text.empty() ? "" : ", ").append(what);
    return text;
}

/// Behind the line of the holder.
std::string party_line(const Party &party)
{
    std::string line = party.has_locked()                     ? "has it locked"
                       : party.role == IPC_ROLE_WAITS_TO_LOCK ? "waits to lock it"
                                                              : "waits";
    if (party.offset != IPC_UNKNOWN)
        line += fmt::format(" at byte {}", party.offset);
    if (party.since != IPC_NO_TIME)
        line += fmt::format(" since {}", format_time(party.since));
    if (party.thread && party.thread != party.process)
        line += fmt::format(", thread {}", party.thread);
    return fmt::format("{:>7}  {}", "", line);
}

std::string holder_line(const Holder &holder)
{
    return fmt::format("{:>7}  {}  {}  {}  {}  {}", holder.process, fit(printable(holder.command), 16),
                       fit(user_name(holder.user), 12), fit(access_text(holder), 11),
                       fit(holder.start > 0 ? format_time(holder.start) : "?", 19), waiting_text(holder));
}

void append_holders(std::vector<std::string> &lines, const Object &object)
{
    if (object.holders.empty() && object.hidden == 0) {
        lines.emplace_back("held by no process that may be seen");
        return;
    }
    lines.push_back(fmt::format("{:>7}  {:<16}  {:<12}  {:<11}  {:<19}  {}", "PID", "COMMAND", "USER", "ACCESS",
                                "STARTED", "WAITS"));
    for (const Holder &holder : object.holders) {
        lines.push_back(holder_line(holder));
        for (const Party &party : object.parties)
            if (party.process == holder.process)
                lines.push_back(party_line(party));
    }
    if (object.hidden > 0)
        lines.push_back(fmt::format("{} more attached, by processes that may not be seen", object.hidden));
}

} // namespace

std::vector<std::string> details_of(const Object &object, const Past &past, int width)
{
    std::vector<std::string> lines;
    append_side_by_side(lines, facts_of(object), width);
    append_past(lines, past, width);
    append_holders(lines, object);
    return lines;
}

} // namespace ipc::watch
