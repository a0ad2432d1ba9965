// SPDX-License-Identifier: MIT
// ipcls - list objects of inter-process communication and who holds them.
#include "blocked.hpp"
#include "blocked_text.hpp"
#include "columns.hpp"
#include "command.hpp"
#include "error.hpp"
#include "limits.hpp"
#include "printable.hpp"
#include "selection.hpp"
#include "snapshot.hpp"
#include "table.hpp"
#include "thread_status.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace {

using Json = nlohmann::ordered_json;

struct Request {
    std::vector<std::string> patterns;
    std::string columns;
    bool json = false;
    bool raw = false;
    bool no_headings = false;
    bool bytes = false;
    bool limits = false;
    bool plugins = false;
    bool blocked = false;

    ipc::TableForm form() const { return {raw, !no_headings, bytes || raw}; }
};

std::string help_foot()
{
    std::string text =
        "  ipcls 'sysv:*'\n"
        "  ipcls -o +CREATOR,CHANGED /frame\n"
        "  ipcls --blocked\n"
        "  ipcls -J | jq -r '.objects[] | select(.state == \"orphan\") | .address'\n"
        "\nColumns (* are printed without -o, + where an object has one; they may change, so name yours):\n";
    for (const ipc::Column &column : ipc::object_columns()) {
        const char mark = column.shown == ipc::Shown::always ? '*' : column.shown == ipc::Shown::on_request ? ' ' : '+';
        text += fmt::format("  {}{:<14} {}\n", mark, column.name, column.help);
    }
    return text;
}

std::vector<std::string> column_names()
{
    std::vector<std::string> names;
    for (const ipc::Column &column : ipc::object_columns())
        names.emplace_back(column.name);
    return names;
}

ipc::Result<void> print_json(const Json &json) { return ipc::print(ipc::json_dump(json, 2) + '\n'); }

/// Behind the list: what it is not to be taken for the whole of.
void tell(const ipc::Snapshot &snapshot, ipc::Command &command)
{
    for (const std::string &notice : snapshot.notices)
        command.note(notice);
    for (const std::string &failed : snapshot.failures)
        command.report(failed);
    for (const ipc::Unmatched &unmatched : snapshot.unmatched)
        command.report(ipc::located(ipc::printable(unmatched.pattern), unmatched.reason));
}

ipc::Result<void> print_objects(const Request &request, const std::vector<const ipc::Column *> &columns,
                                const std::vector<ipc::Object> &objects)
{
    if (request.json) {
        Json list = Json::array();
        for (const ipc::Object &object : objects)
            list.push_back(ipc::json_of(object, columns));
        return print_json({{"objects", std::move(list)}});
    }
    std::vector<ipc::TableColumn> headings;
    for (const ipc::Column *column : columns)
        headings.push_back({column->name, column->right, column->name == "HOLDERS" || column->name == "DETAIL"});
    const auto table = IPC_TRY(ipc::Table::create(headings, request.form()));
    std::vector<ipc::Cell> cells(columns.size());
    for (const ipc::Object &object : objects) {
        std::transform(columns.begin(), columns.end(), cells.begin(),
                       [&](const ipc::Column *column) { return column->value(object); });
        table->add(cells);
    }
    return ipc::print(IPC_TRY(table->text()));
}

ipc::Result<void> list_objects(const Request &request, ipc::Command &command)
{
    std::vector<const ipc::Column *> columns = IPC_TRY(ipc::choose_columns(request.columns));
    const std::vector<ipc::FoundPlugin> plugins = ipc::find_plugins();
    IPC_TRY(ipc::check_selectors(ipc::parse_selectors(request.patterns), plugins, {}));
    ipc::SnapshotRequest wanted;
    wanted.patterns = request.patterns;
    const ipc::Snapshot snapshot = ipc::take_snapshot(plugins, wanted);
    if (request.columns.empty() && !request.json && !request.raw)
        columns = ipc::default_columns(snapshot.objects);
    IPC_TRY(print_objects(request, columns, snapshot.objects));
    tell(snapshot, command);
    return {};
}

ipc::Result<void> print_blocked(const Request &request, const std::vector<ipc::Blocked> &list)
{
    if (request.json) {
        Json json = Json::array();
        for (const ipc::Blocked &blocked : list)
            json.push_back(ipc::json_of(blocked));
        return print_json({{"blocked", std::move(json)}});
    }
    const auto table = IPC_TRY(ipc::Table::create({{.name = "PROCESS", .right = true},
                                                   {"COMMAND"},
                                                   {"TO"},
                                                   {"WAITS-FOR"},
                                                   {"SINCE"},
                                                   {.name = "CYCLE", .right = true},
                                                   {.name = "HELD-BY", .shorten = true}},
                                                  request.form()));
    for (const ipc::Blocked &blocked : list) {
        const std::string held_by = ipc::list_holders(ipc::lockers(blocked));
        table->add(std::vector<ipc::Cell>{
            static_cast<std::uint64_t>(blocked.party->process), blocked.who->command, std::string(ipc::aim(blocked)),
            ipc::awaited(blocked), ipc::time_cell(blocked.party->since),
            blocked.cycle ? ipc::Cell(std::uint64_t{blocked.cycle}) : ipc::Cell(ipc::Absent{}),
            held_by.empty() ? ipc::Cell(ipc::Absent{}) : ipc::Cell(held_by)});
    }
    return ipc::print(IPC_TRY(table->text()));
}

/// What is named in full, looked up: a name has several forms, and what does not exist is told.
ipc::Snapshot look_up_exact(const Request &request, const std::vector<ipc::FoundPlugin> &plugins)
{
    ipc::SnapshotRequest exact;
    for (const ipc::Selector &selector : ipc::parse_selectors(request.patterns))
        if (selector.is_exact())
            exact.patterns.push_back(selector.text());
    exact.holders = false;
    return exact.patterns.empty() ? ipc::Snapshot() : ipc::take_snapshot(plugins, exact);
}

bool is_same(const ipc::Object &left, const ipc::Object &right)
{
    const ipc_identity &one = left.facts.identity, &other = right.facts.identity;
    return left.plugin == right.plugin && one.space == other.space && one.device == other.device &&
           one.number == other.number;
}

/// Whoever waits for what is asked for; who waits for whom in all else decides where there are cycles.
ipc::Result<void> list_blocked(const Request &request, ipc::Command &command)
{
    const std::vector<ipc::FoundPlugin> plugins = ipc::find_plugins();
    const std::vector<ipc::Selector> selectors = ipc::parse_selectors(request.patterns);
    IPC_TRY(ipc::check_selectors(selectors, plugins, {}));
    const ipc::Snapshot snapshot = ipc::take_snapshot(plugins, {}), exact = look_up_exact(request, plugins);
    const auto is_wanted = [&](const ipc::Object &object) {
        return selectors.empty() ||
               std::any_of(selectors.begin(), selectors.end(),
                           [&](const ipc::Selector &selector) {
                               return selector.concerns(object.mechanism()) && selector.matches(object.address);
                           }) ||
               std::any_of(exact.objects.begin(), exact.objects.end(),
                           [&](const ipc::Object &named) { return is_same(named, object); });
    };
    std::vector<ipc::Blocked> blocked = ipc::find_blocked(snapshot.objects, ipc::waits_for_child);
    std::erase_if(blocked, [&](const ipc::Blocked &one) { return !is_wanted(*one.object); });
    IPC_TRY(print_blocked(request, blocked));
    tell(snapshot, command);
    for (const ipc::Unmatched &unmatched : exact.unmatched)
        command.report(ipc::located(ipc::printable(unmatched.pattern), unmatched.reason));
    return {};
}

ipc::Cell quantity(const ipc::Limit &limit, std::uint64_t value)
{
    if (value == IPC_UNKNOWN)
        return ipc::Absent{};
    return limit.bytes ? ipc::Cell(ipc::Bytes{value}) : ipc::Cell(value);
}

/// Limits are of mechanisms: `sysv`, `posix-mq`, `posix-mq:/jobs` mean those of these, and other words a limit by its
/// name.
bool means(const ipc::Selector &selector, const ipc::Limit &limit)
{
    if (selector.text().find(':') != std::string::npos)
        return selector.concerns(limit.mechanism);
    const ipc::Selector whole(selector.text() + ":*");
    return (whole.names_mechanism() && whole.concerns(limit.mechanism)) ||
           selector.matches({limit.mechanism, limit.name, {}});
}

/// Only what is meant, and a report of each pattern that means none.
std::vector<ipc::Limit> limits_meant(std::vector<ipc::Limit> limits, const std::vector<ipc::Selector> &selectors,
                                     ipc::Command &command)
{
    if (selectors.empty())
        return limits;
    for (const ipc::Selector &selector : selectors)
        if (std::ranges::none_of(limits, [&](const ipc::Limit &limit) { return means(selector, limit); }))
            command.report(ipc::located(ipc::printable(selector.text()),
                                        ipc::failure(ENOENT, "no limit matches (ipcls --limits shows what there is)")));
    std::erase_if(limits, [&](const ipc::Limit &limit) {
        return std::ranges::none_of(selectors, [&](const ipc::Selector &selector) { return means(selector, limit); });
    });
    return limits;
}

ipc::Result<void> list_limits(const Request &request, ipc::Command &command)
{
    const std::vector<ipc::FoundPlugin> plugins = ipc::find_plugins();
    const std::vector<ipc::Selector> selectors = ipc::parse_selectors(request.patterns);
    IPC_TRY(ipc::check_selectors(selectors, plugins, {}));
    ipc::SnapshotRequest wanted;
    wanted.patterns = request.patterns;
    wanted.objects = false;
    wanted.limits = true;
    const ipc::Snapshot snapshot = ipc::take_snapshot(plugins, wanted);
    tell(snapshot, command);
    const std::vector<ipc::Limit> limits = limits_meant(snapshot.limits, selectors, command);
    if (request.json) {
        Json list = Json::array();
        for (const ipc::Limit &limit : limits)
            list.push_back(ipc::json_of(limit));
        return print_json({{"limits", std::move(list)}});
    }
    const auto table = IPC_TRY(ipc::Table::create({{"MECHANISM"},
                                                   {"NAME"},
                                                   {.name = "LIMIT", .right = true},
                                                   {.name = "USED", .right = true},
                                                   {.name = "PERCENT", .right = true},
                                                   {"MEANING"}},
                                                  request.form()));
    for (const ipc::Limit &limit : limits) {
        const std::optional<double> part = ipc::percent_in_use(limit);
        table->add(std::vector<ipc::Cell>{
            limit.mechanism, limit.name, quantity(limit, limit.limit), quantity(limit, limit.used),
            part ? ipc::Cell(fmt::format("{:.1f}", *part)) : ipc::Cell(ipc::Absent{}), limit.meaning});
    }
    return ipc::print(IPC_TRY(table->text()));
}

/// The capabilities of a plugin among those that there are, "segment/1".
std::vector<std::string> capabilities(const ipc::Plugin &plugin)
{
    constexpr std::string_view known[] = {"segment/1", "queue/1",   "stream/1", "semaphore/1",
                                          "call/1",    "inspect/1", "rates/1"};
    std::vector<std::string> offered;
    for (const std::string_view name : known)
        if (plugin.offers(fmt::format("ipc.{}", name)))
            offered.emplace_back(name);
    return offered;
}

std::string text_or_empty(const char *text) { return text ? text : ""; }

ipc::Result<void> list_plugins(const Request &request, ipc::Command &command)
{
    if (!request.patterns.empty())
        return ipc::usage_error("--plugins takes no pattern");
    const auto table = IPC_TRY(
        ipc::Table::create({{"MECHANISM"}, {"VERSION"}, {"CAPABILITIES"}, {"PATH"}, {"REMARK"}}, request.form()));
    Json list = Json::array();
    for (const ipc::FoundPlugin &found : ipc::find_plugins()) {
        const ipc::Plugin *plugin = found.plugin;
        if (found.mechanism.empty()) {
            command.report(found.refusal);
            continue;
        }
        const std::string version = plugin ? text_or_empty(plugin->descriptor().version) : "";
        const std::string summary = plugin ? text_or_empty(plugin->descriptor().summary) : "";
        const std::vector<std::string> offered = plugin ? capabilities(*plugin) : std::vector<std::string>();
        const auto cell = [](std::string text) {
            return text.empty() ? ipc::Cell(ipc::Absent{}) : ipc::Cell(std::move(text));
        };
        table->add(std::vector<ipc::Cell>{found.mechanism, cell(version),
                                          cell(fmt::format("{}", fmt::join(offered, ","))), found.path,
                                          cell(plugin ? summary : found.refusal)});
        list.push_back({{"mechanism", ipc::json_text(found.mechanism)},
                        {"version", ipc::json_text(version)},
                        {"capabilities", offered},
                        {"path", ipc::json_text(found.path)},
                        {"summary", ipc::json_text(summary)},
                        {"refusal", plugin ? Json(nullptr) : Json(ipc::json_text(found.refusal))}});
    }
    return request.json ? print_json({{"plugins", std::move(list)}}) : ipc::print(IPC_TRY(table->text()));
}

} // namespace

ipc::Result<int> ipc::run(ipc::Command &command)
{
    Request request;
    const std::string foot = help_foot();
    command.describe("List objects of inter-process communication and who holds them.", foot);
    command.option("output,o", "COLUMNS", "the columns: A,B or +A,B for the usual ones and these", Complete::choice,
                   [&](std::string_view columns) -> Result<void> {
                       choose_more_columns(request.columns, columns);
                       return {};
                   });
    command.choices("output", column_names);
    command.flag("json,J", request.json, "print JSON: numbers are numbers, what is not known is null");
    command.flag("raw,r", request.raw, "print cells separated by one blank, sizes in bytes");
    command.flag("noheadings", request.no_headings, "print no headings");
    command.flag("bytes,b", request.bytes, "print sizes in bytes and times exactly");
    command.flag("limits", request.limits, "list limits instead, and how much of them is in use");
    command.flag("blocked", request.blocked, "list who waits for whom instead, with cycles numbered");
    command.flag("plugins", request.plugins, "list plugins instead, and why one was refused");
    command.argument("[PATTERN...]", request.patterns, "addresses, or patterns of them, quoted from the shell",
                     Complete::address);
    IPC_TRY(command.parse());
    if (request.limits + request.plugins + request.blocked > 1)
        return usage_error("--limits, --blocked and --plugins exclude each other");
    if (request.json && request.raw)
        return usage_error("--json and --raw exclude each other");
    if (!request.columns.empty() && (request.limits || request.plugins || request.blocked))
        return usage_error("--output is for objects, neither for --limits, --blocked nor --plugins");
    IPC_TRY(request.plugins   ? list_plugins(request, command)
            : request.limits  ? list_limits(request, command)
            : request.blocked ? list_blocked(request, command)
                              : list_objects(request, command));
    return command.status();
}
