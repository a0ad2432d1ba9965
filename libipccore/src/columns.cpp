// SPDX-License-Identifier: MIT
#include "columns.hpp"

#include "error.hpp"
#include "printable.hpp"
#include "quantity.hpp"
#include "suggestion.hpp"

#include <nlohmann/json.hpp>

#include <grp.h>
#include <pwd.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <unordered_map>

namespace ipc {
namespace {

using Json = nlohmann::ordered_json;

/// What each mechanism of a kind has, so that a missing number is one that is not known.
bool holds_bytes(const Object &object) { return object.plugin->segment() || object.plugin->queue(); }

Cell missing(bool exists) { return exists ? Cell(Unknown{}) : Cell(Absent{}); }

Cell number(std::uint64_t value, bool exists) { return value == IPC_UNKNOWN ? missing(exists) : Cell(value); }

Cell bytes(std::uint64_t value, bool exists) { return value == IPC_UNKNOWN ? missing(exists) : Cell(Bytes{value}); }

Cell text(std::string value) { return value.empty() ? Cell(Absent{}) : Cell(std::move(value)); }

/// The name of an account, asked for once; its number where it has none.
template <typename Record> class Accounts {
public:
    Accounts(Record *(*find)(std::uint32_t), char *Record::*name) : find_(find), name_(name) {}
    const std::string &operator[](std::uint32_t id)
    {
        const auto [entry, is_new] = names_.try_emplace(id);
        if (is_new) {
            const Record *record = find_(id);
            entry->second = record ? std::string(record->*name_) : fmt::format("{}", id);
        }
        return entry->second;
    }

private:
    Record *(*find_)(std::uint32_t);
    char *Record::*name_;
    std::unordered_map<std::uint32_t, std::string> names_;
};

const std::string &user_name(std::uint32_t id)
{
    static Accounts<passwd> users(&getpwuid, &passwd::pw_name);
    return users[id];
}

const std::string &group_name(std::uint32_t id)
{
    static Accounts<group> groups(&getgrgid, &group::gr_name);
    return groups[id];
}

Cell account(std::uint64_t id, const std::string &(*name)(std::uint32_t))
{
    return id == IPC_UNKNOWN ? Cell(Unknown{}) : Cell(name(static_cast<std::uint32_t>(id)));
}

/// Who made it: 0 is somebody whom this process cannot see.
Cell creator(const Object &object)
{
    return object.facts.creator == 0 ? Cell(Unknown{}) : number(object.facts.creator, false);
}

/// Who used it last: 0 is nobody. Somebody did if there is a time of it, and a kind of object that has such a number.
Cell last_process(std::uint64_t process, std::int64_t when, const Object &object)
{
    if (process == 0)
        return Absent{};
    return number(process, object.facts.creator != IPC_UNKNOWN && when != IPC_NO_TIME);
}

Cell mode(const Object &object)
{
    if (object.facts.mode == IPC_UNKNOWN)
        return Unknown{};
    std::string digits = "0000";
    for (std::size_t i = 0; i < 4; i++)
        digits[3 - i] = static_cast<char>('0' + (object.facts.mode >> 3 * i & 7));
    return digits;
}

Cell key(const Object &object)
{
    if (object.facts.key == IPC_UNKNOWN)
        return Absent{};
    return fmt::format("0x{:08x}", object.facts.key);
}

Cell device(const Object &object)
{
    const std::uint64_t device = object.facts.identity.device;
    return device ? Cell(fmt::format("{}:{}", major(device), minor(device))) : Cell(Absent{});
}

/// The kernel's count where there is one, else those that were seen.
Cell waiters(const Object &object)
{
    if (object.facts.waiters != IPC_UNKNOWN)
        return object.facts.waiters;
    const auto seen = std::count_if(object.holders.begin(), object.holders.end(),
                                    [](const Holder &holder) { return holder.waits(); });
    if (seen || object.plugin->queue() || object.plugin->semaphore())
        return seen || !object.incomplete ? Cell(static_cast<std::uint64_t>(seen)) : Cell(Unknown{});
    return Absent{};
}

Cell wasted(const Object &object)
{
    const bool is_waste = object.state == State::orphan || object.state == State::removed;
    if (!is_waste || !object.plugin->segment())
        return Absent{};
    if (object.facts.used == IPC_UNKNOWN)
        return Unknown{};
    return Bytes{object.facts.used + (object.facts.swapped == IPC_UNKNOWN ? 0 : object.facts.swapped)};
}

Cell hidden(const Object &object)
{
    return object.facts.flags & IPC_OBJECT_COUNTED ? Cell(object.hidden) : Cell(Absent{});
}

Cell flags(const Object &object)
{
    constexpr std::pair<std::uint32_t, const char *> names[] = {{IPC_OBJECT_REMOVED, "removed"},
                                                                {IPC_OBJECT_LOCKED, "locked"},
                                                                {IPC_OBJECT_HUGE, "huge"},
                                                                {IPC_OBJECT_DENIED, "denied"}};
    std::string words;
    for (const auto &[flag, name] : names)
        if (object.facts.flags & flag)
            words.append(words.empty() ? "" : ",").append(name);
    return text(std::move(words));
}

std::string_view access_of(const Holder &holder)
{
    constexpr std::string_view names[] = {"", "r", "w", "rw"};
    return names[holder.access & (IPC_READ | IPC_WRITE)];
}

std::string_view wait_of(const Holder &holder)
{
    if (holder.waits_to_lock)
        return "lock";
    if (holder.waits_at_word)
        return "word";
    if (holder.waits_to_receive)
        return holder.waits_to_send ? "send and receive" : "receive";
    return holder.waits_to_send ? "send" : "";
}

void append_holder(std::string &out, const Holder &holder)
{
    out += fmt::format("{} {}", holder.process, quoted_name(holder.command));
    if (const std::string_view access = access_of(holder); !access.empty())
        out.append(" ").append(access);
    if (holder.has_locked)
        out.append(" has it locked");
    if (const std::string_view wait = wait_of(holder); wait == "word")
        out.append(" waits at a word");
    else if (!wait.empty())
        out.append(" waits to ").append(wait);
}

/// The first few, with how many more.
template <typename Items, typename Append> std::string first_few(const Items &items, Append append)
{
    constexpr std::size_t shown = 3;
    std::string out;
    for (std::size_t i = 0; i < std::min(items.size(), shown); i++) {
        out += i ? ", " : "";
        append(out, items[i]);
    }
    if (items.size() > shown)
        out += fmt::format(" and {} more", items.size() - shown);
    return out;
}

Cell state(const Object &object)
{
    return object.state == State::unknown ? Cell(Unknown{}) : Cell(std::string(name_of(object.state)));
}

/// A list of holders, which is not known to be empty where some of them may be hidden.
Cell held(const Object &object, std::string list)
{
    return list.empty() && object.incomplete ? Cell(Unknown{}) : text(std::move(list));
}

/// What the kernel counts and this user may not see is told too.
Cell holders(const Object &object)
{
    std::string out = first_few(object.holders, append_holder);
    if (object.hidden)
        out += fmt::format("{}{} attached, {} hidden", out.empty() ? "" : "; ", object.facts.attached, object.hidden);
    return held(object, std::move(out));
}

Cell processes(const Object &object)
{
    std::string out;
    for (const Holder &holder : object.holders)
        out += fmt::format("{}{}", out.empty() ? "" : ",", holder.process);
    return held(object, std::move(out));
}

std::vector<const Holder *> lockers(const Object &object)
{
    std::vector<const Holder *> found;
    if (!object.parties.empty())
        for (const Holder &holder : object.holders)
            if (holder.has_locked)
                found.push_back(&holder);
    return found;
}

/// Is it, or may it be, locked by a process that could not be looked into?
bool may_be_locked_unseen(const Object &object)
{
    const bool is_free = object.facts.value != IPC_UNKNOWN && object.facts.value > 0;
    return object.incomplete && object.plugin->semaphore() && !is_free && lockers(object).empty();
}

Cell locked_by(const Object &object)
{
    if (may_be_locked_unseen(object))
        return Unknown{};
    return text(first_few(lockers(object), [](std::string &out, const Holder *holder) {
        out += fmt::format("{} {}", holder->process, quoted_name(holder->command));
    }));
}

/// The earliest that is known.
Cell locked_since(const Object &object)
{
    std::int64_t since = IPC_NO_TIME;
    for (const Party &party : object.parties)
        if (party.has_locked() && party.since != IPC_NO_TIME)
            since = since == IPC_NO_TIME ? party.since : std::min(since, party.since);
    return time_cell(since);
}

Cell address(const Object &object) { return object.address.text(); }

constexpr Column columns[] = {
    {"ADDRESS", "as commands take it", false, Shown::always, address},
    {"MECHANISM", "what serves it", false, Shown::on_request,
     [](const Object &o) -> Cell { return std::string(o.mechanism()); }},
    {"NAME", "the address without the mechanism", false, Shown::on_request,
     [](const Object &o) -> Cell { return o.address.name; }},
    {"STATE", "in use, idle, orphan or removed", false, Shown::always, state},
    {"SIZE", "of a segment, or the most bytes in a queue", true, Shown::always,
     [](const Object &o) { return bytes(o.facts.capacity, holds_bytes(o)); }},
    {"USED", "resident memory of a segment, bytes waiting in a queue", true, Shown::always,
     [](const Object &o) { return bytes(o.facts.used, holds_bytes(o)); }},
    {"SWAPPED", "of a segment, on swap space", true, Shown::on_request,
     [](const Object &o) { return bytes(o.facts.swapped, o.plugin->segment()); }},
    {"PAGE-SIZE", "of a segment's memory, where it is known", true, Shown::on_request,
     [](const Object &o) { return bytes(o.facts.page_size, false); }},
    {"WASTED", "memory of an orphan or of what has no name any more", true, Shown::on_request, wasted},
    {"MESSAGES", "waiting in a queue", true, Shown::always,
     [](const Object &o) { return number(o.facts.messages, o.plugin->queue()); }},
    {"MAX-MESSAGES", "that a queue holds", true, Shown::on_request,
     [](const Object &o) {
         return number(o.facts.max_messages, o.plugin->queue() && (o.facts.flags & IPC_OBJECT_DENIED));
     }},
    {"MAX-MESSAGE", "bytes of the largest message", true, Shown::on_request,
     [](const Object &o) { return bytes(o.facts.max_message_size, o.plugin->queue()); }},
    {"OWNER", "user it belongs to", false, Shown::always,
     [](const Object &o) { return account(o.facts.owner, user_name); }},
    {"GROUP", "group it belongs to", false, Shown::on_request,
     [](const Object &o) { return account(o.facts.group, group_name); }},
    {"MODE", "permissions", false, Shown::always, mode},
    {"ATTACHED", "mappings, or sockets, that the kernel counts", true, Shown::on_request,
     [](const Object &o) { return number(o.facts.attached, false); }},
    {"HIDDEN", "of these, in processes that this user may not look into", true, Shown::on_request, hidden},
    {"VALUE", "of a semaphore: how many may pass now", true, Shown::where_present,
     [](const Object &o) { return number(o.facts.value, o.plugin->semaphore()); }},
    {"WAITERS", "processes blocked on it", true, Shown::where_positive, waiters},
    {"LOCKED-BY", "processes that have it, or a part of it, locked", false, Shown::where_present, locked_by},
    {"SINCE", "when it was locked, where that is known", false, Shown::where_present, locked_since},
    {"CREATOR", "process that made it", true, Shown::on_request, creator},
    {"CHANGED", "when it was made or its status changed", false, Shown::on_request,
     [](const Object &o) { return time_cell(o.facts.changed); }},
    {"LAST-IN", "process that last attached or sent", true, Shown::on_request,
     [](const Object &o) { return last_process(o.facts.last_in, o.facts.last_in_time, o); }},
    {"LAST-IN-TIME", "when it was last attached, sent to or written", false, Shown::on_request,
     [](const Object &o) { return time_cell(o.facts.last_in_time); }},
    {"LAST-OUT", "process that last detached or received", true, Shown::on_request,
     [](const Object &o) { return last_process(o.facts.last_out, o.facts.last_out_time, o); }},
    {"LAST-OUT-TIME", "when it was last detached, received from or read", false, Shown::on_request,
     [](const Object &o) { return time_cell(o.facts.last_out_time); }},
    {"KEY", "of a mechanism with keys", false, Shown::on_request, key},
    {"ID", "inode or identifier", true, Shown::on_request,
     [](const Object &o) { return number(o.facts.identity.number, true); }},
    {"DEVICE", "file system it is on, as major:minor", false, Shown::on_request, device},
    {"NAMESPACE", "inode of the namespace that numbers it", true, Shown::on_request,
     [](const Object &o) -> Cell { return o.facts.identity.space ? Cell(o.facts.identity.space) : Cell(Absent{}); }},
    {"FLAGS", "removed, locked, huge (pages), denied (not all may be seen)", false, Shown::on_request, flags},
    {"DETAIL", "what else there is to say of it", false, Shown::where_present,
     [](const Object &o) { return text(o.detail); }},
    {"PIDS", "of all holders", false, Shown::on_request, processes},
    {"HOLDERS", "processes that have it mapped or open (r, w), have it locked or wait on it", false, Shown::always,
     holders},
};

const Column *find_column(std::string_view name)
{
    const auto same = [](char left, char right) { return left == (right >= 'a' && right <= 'z' ? right - 32 : right); };
    for (const Column &column : columns)
        if (std::equal(column.name.begin(), column.name.end(), name.begin(), name.end(), same))
            return &column;
    return nullptr;
}

Error unknown_column(std::string_view name)
{
    std::vector<std::string> known;
    for (const Column &column : columns)
        known.emplace_back(column.name);
    std::string upper(name);
    for (char &letter : upper)
        letter = letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter;
    if (const std::optional<std::string> near = suggestion(upper, known))
        return usage_error("no column {} (did you mean {}?)", printable(name), *near);
    return usage_error("no column {} (there are: {})", printable(name), fmt::join(known, ", "));
}

bool is_plain(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char letter) { return letter >= 0x20 && letter < 0x7f; });
}

struct TextOf {
    std::string &out;
    bool exact;
    void operator()(Absent) const { out += '-'; }
    void operator()(Unknown) const { out += '?'; }
    void operator()(std::uint64_t value) const
    {
        const fmt::format_int digits(value);
        out.append(digits.data(), digits.size());
    }
    void operator()(Bytes amount) const
    {
        if (exact)
            (*this)(amount.value);
        else
            out += format_size(amount.value);
    }
    void operator()(Time when) const { out += exact ? format_time_iso(when.value) : format_time(when.value); }
    void operator()(const std::string &value) const
    {
        if (is_plain(value))
            out += value;
        else
            out += printable(value);
    }
};

struct JsonOf {
    Json operator()(Absent) const { return nullptr; }
    Json operator()(Unknown) const { return nullptr; }
    Json operator()(std::uint64_t value) const { return value; }
    Json operator()(Bytes amount) const { return amount.value; }
    Json operator()(Time when) const { return format_time_iso(when.value); }
    Json operator()(const std::string &value) const { return json_text(value); }
};

Json json_of(const Holder &holder)
{
    const std::string_view wait = wait_of(holder);
    return {{"pid", holder.process},
            {"command", json_text(holder.command)},
            {"user", json_text(user_name(holder.user))},
            {"access", access_of(holder)},
            {"has_locked", holder.has_locked},
            {"waits", wait.empty() ? Json(nullptr) : Json(wait)},
            {"since", holder.start ? Json(format_time_iso(holder.start)) : Json(nullptr)}};
}

Json json_of_lockers(const Object &object)
{
    if (may_be_locked_unseen(object))
        return nullptr;
    Json list = Json::array();
    for (const Party &party : object.parties)
        if (party.has_locked())
            list.push_back(json_of(object, party));
    return list;
}

Json json_of(const Object &object, const Column &column)
{
    if (column.value == address)
        return object.address.text(Charset::utf8);
    if (column.value == locked_by)
        return json_of_lockers(object);
    const bool identities = column.value == processes;
    if ((!identities && column.value != holders) || (object.holders.empty() && object.incomplete))
        return json_of(column.value(object));
    Json list = Json::array();
    for (const Holder &holder : object.holders)
        list.push_back(identities ? Json(holder.process) : json_of(holder));
    return list;
}

} // namespace

Cell time_cell(std::int64_t nanoseconds)
{
    return nanoseconds == IPC_NO_TIME ? Cell(Absent{}) : Cell(Time{nanoseconds});
}

std::span<const Column> object_columns() { return columns; }

void choose_more_columns(std::string &chosen, std::string_view more)
{
    chosen.append(chosen.empty() ? "" : ",").append(more);
}

std::vector<std::string_view> column_names_of(std::string_view chosen)
{
    std::vector<std::string_view> names;
    if (chosen == "+")
        return names;
    while (!chosen.empty()) {
        std::string_view name = chosen.substr(0, chosen.find(','));
        chosen.remove_prefix(std::min(chosen.size(), name.size() + 1));
        name.remove_prefix(name.starts_with('+') ? 1 : 0);
        names.push_back(name);
    }
    return names;
}

Result<std::vector<const Column *>> choose_columns(std::string_view chosen)
{
    std::vector<const Column *> list;
    if (chosen.empty() || chosen[0] == '+')
        for (const Column &column : columns)
            if (column.shown == Shown::always)
                list.push_back(&column);
    for (std::string_view name : column_names_of(chosen)) {
        const Column *column = find_column(name);
        if (!column)
            return unknown_column(name);
        if (std::find(list.begin(), list.end(), column) == list.end())
            list.push_back(column);
    }
    return list;
}

void append_text(std::string &out, const Cell &cell, bool exact) { std::visit(TextOf{out, exact}, cell); }

std::string text_of(const Cell &cell, bool exact)
{
    std::string out;
    append_text(out, cell, exact);
    return out;
}

std::string json_key(std::string_view column)
{
    std::string key(column);
    for (char &letter : key)
        letter = letter == '-' ? '_' : letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
    return key;
}

std::string json_text(std::string_view text)
{
    return is_utf8(text) ? std::string(text) : printable(text, Charset::utf8);
}

std::string json_dump(const nlohmann::ordered_json &json, int indent)
{
    constexpr bool ascii = true; // a terminal acts on some that JSON lets pass
    return json.dump(indent, ' ', ascii, Json::error_handler_t::replace);
}

Json json_of(const Cell &cell) { return std::visit(JsonOf{}, cell); }

Json json_of(const Object &object, const Party &party)
{
    const Holder *holder = find_holder(object, party.process);
    return {{"pid", party.process},
            {"thread", party.thread ? Json(party.thread) : Json(nullptr)},
            {"command", holder ? Json(json_text(holder->command)) : Json(nullptr)},
            {"offset", party.offset == IPC_UNKNOWN ? Json(nullptr) : Json(party.offset)},
            {"since", json_of(time_cell(party.since))}};
}

bool has_to_show(const Column &column, std::span<const Object> objects)
{
    if (column.shown == Shown::always || column.shown == Shown::on_request)
        return column.shown == Shown::always;
    return std::any_of(objects.begin(), objects.end(), [&](const Object &object) {
        const Cell cell = column.value(object);
        const bool is_nothing =
            column.shown == Shown::where_positive && (cell == Cell(std::uint64_t{0}) || cell == Cell(Unknown{}));
        return !std::holds_alternative<Absent>(cell) && !is_nothing;
    });
}

std::vector<const Column *> default_columns(std::span<const Object> objects)
{
    std::vector<const Column *> list;
    for (const Column &column : columns)
        if (has_to_show(column, objects))
            list.push_back(&column);
    return list;
}

Json json_of(const Object &object, const std::vector<const Column *> &chosen)
{
    Json json = Json::object();
    for (const Column *column : chosen)
        json[json_key(column->name)] = json_of(object, *column);
    return json;
}

bool less(const Cell &left, const Cell &right)
{
    const auto is_value = [](const Cell &cell) {
        return !std::holds_alternative<Absent>(cell) && !std::holds_alternative<Unknown>(cell);
    };
    if (is_value(left) != is_value(right))
        return is_value(left);
    return left < right;
}

} // namespace ipc
