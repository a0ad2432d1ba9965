// SPDX-License-Identifier: MIT
#include "snapshot.hpp"

#include "capabilities.hpp"
#include "error.hpp"
#include "inventory.hpp"
#include "printable.hpp"
#include "selection.hpp"

#include <linux/capability.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <endian.h>
#include <numeric>
#include <utility>

namespace ipc {
namespace {

/// Which right would let the pass look into the processes that it could not.
std::string_view missing_right()
{
    const bool traces = has_capability(CAP_SYS_PTRACE);
    const bool reads = has_capability(CAP_DAC_READ_SEARCH) || has_capability(CAP_DAC_OVERRIDE);
    if (traces && reads)
        return "they hold rights that this process has not";
    return traces  ? "CAP_DAC_READ_SEARCH shows them"
           : reads ? "CAP_SYS_PTRACE shows them"
                   : "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH show them, which root has";
}

/// While it lives, what plugins tell goes into a list, each sentence once.
class NoticeCatcher {
public:
    explicit NoticeCatcher(std::vector<std::string> &notices)
        : before_(set_notice_handler([&notices](std::string_view text) {
              if (std::find(notices.begin(), notices.end(), text) == notices.end())
                  notices.emplace_back(text);
          }))
    {
    }
    NoticeCatcher(const NoticeCatcher &) = delete;
    ~NoticeCatcher() { set_notice_handler(std::move(before_)); }

private:
    NoticeHandler before_;
};

std::int64_t now()
{
    struct timespec time = {};
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

bool wants_calls(const ProcessPass &pass) { return (pass.wanted & IPC_CLAIMS_CALLS) != 0; }

/// The pass, without what no plugin would claim.
ProcessPass what_is_claimed(ProcessPass pass, const Inventory &inventory)
{
    pass.calls_beside_mappings = wants_calls(pass); // who sleeps at a word of one
    pass.wanted &= inventory.claims();
    return pass;
}

Coverage coverage_of(const ProcessPassResult &pass) { return pass.is_whole() ? Coverage::whole : Coverage::partial; }

/// What could not be seen, and what would show it: "3 of 120 processes could not be looked into".
struct Blindness {
    std::string what;
    std::string_view remedy;
};

std::vector<Blindness> blindness_of(const ProcessPassResult &pass)
{
    std::vector<Blindness> found;
    if (pass.hidden)
        found.push_back(
            {fmt::format("{} of {} processes could not be looked into", pass.hidden, pass.processes), missing_right()});
    if (pass.view.hides_users)
        found.push_back({"/proc hides the processes of other users (hidepid)", "CAP_SYS_PTRACE shows them"});
    if (pass.view.is_inner)
        found.push_back(
            {"processes outside of this process namespace are not seen", "they are in the machine's first one"});
    return found;
}

/// The same in one phrase, for errors; empty if nothing was hidden.
std::string unseen_of(const ProcessPassResult &pass)
{
    std::string text;
    for (const Blindness &one : blindness_of(pass))
        text.append(text.empty() ? "" : ", and ").append(one.what);
    return text;
}

/// Where an object stands, with as much of its name as decides most comparisons.
struct Place {
    const Plugin *plugin;
    std::uint64_t first, second; // sixteen bytes
    std::size_t index;
};

/// The first bytes of a name are compared as numbers.
Place place_of(const Object &object, std::size_t index)
{
    const std::string &name = object.address.name;
    std::uint64_t bytes[2] = {};
    std::memcpy(bytes, name.data(), std::min(name.size(), sizeof bytes));
    return {object.plugin, be64toh(bytes[0]), be64toh(bytes[1]), index};
}

/// One look, from the plugins to the sorted list.
class Look {
public:
    Look(const SnapshotRequest &request, Snapshot &snapshot)
        : request_(request), snapshot_(snapshot), selectors_(parse_selectors(request.patterns)),
          matched_(selectors_.size()), reasons_(selectors_.size())
    {
    }

    void take(const std::vector<FoundPlugin> &plugins)
    {
        for (const FoundPlugin &found : plugins)
            if (request_.objects && concerns(found) && found.plugin)
                inventory_.add_plugin(*found.plugin);
        // Begun before mechanisms are asked, of which some have to wait for the kernel.
        std::optional<Result<ProcessWalk>> walk;
        if (request_.objects && request_.holders)
            walk.emplace(ProcessWalk::begin(what_is_claimed(request_.pass, inventory_)));
        for (const FoundPlugin &found : plugins)
            if (concerns(found))
                take_plugin(found);
        if (!request_.objects)
            return;
        const Coverage coverage = walk ? go_over(*walk) : Coverage::none;
        inventory_.settle(coverage, unseen_of(snapshot_.processes));
        tell_unread();
        select();
        explain_unmatched();
    }

private:
    bool concerns(const FoundPlugin &found) const
    {
        if (found.mechanism.empty()) // a directory, in which any plugin may be but those that are named
            return selectors_.empty() ||
                   std::any_of(selectors_.begin(), selectors_.end(), [](const Selector &selector) {
                       return !selector.is_exact() || !selector.names_mechanism();
                   });
        if (found.plugin && !request_.capability.empty() && !found.plugin->offers(request_.capability))
            return false;
        return selectors_.empty() || std::any_of(selectors_.begin(), selectors_.end(), [&](const Selector &selector) {
                   return selector.concerns(found.mechanism);
               });
    }

    void take_plugin(const FoundPlugin &found)
    {
        if (!found.plugin)
            return fail(found.refusal);
        if (!found.plugin->inspect())
            return explain_unseen(*found.plugin);
        if (request_.objects)
            take_objects(*found.plugin);
        if (request_.limits)
            report_failure(*found.plugin, take_limits(*found.plugin));
    }

    void explain_unseen(const Plugin &plugin)
    {
        for (std::size_t i = 0; i < selectors_.size(); i++)
            if (selectors_[i].is_exact() && selectors_[i].names_mechanism() &&
                selectors_[i].concerns(plugin.mechanism()))
                reasons_[i] = failure(ENOTSUP, "mechanism {} shows nothing of its objects (its plugin offers no {})",
                                      plugin.mechanism(), IPC_INSPECT_1);
    }

    void take_objects(const Plugin &plugin)
    {
        const auto is_wanted = [&](const Selector &selector) { return selector.concerns(plugin.mechanism()); };
        if (selectors_.empty() || std::any_of(selectors_.begin(), selectors_.end(), [&](const Selector &selector) {
                return is_wanted(selector) && !(selector.is_exact() && selector.names_mechanism());
            }))
            report_failure(plugin, inventory_.list(plugin));
        // Behind the list, whose objects are not added once more.
        for (std::size_t i = 0; i < selectors_.size(); i++)
            if (is_wanted(selectors_[i]) && selectors_[i].is_exact())
                look_up(plugin, i);
        if (request_.holders)
            report_failure(plugin, inventory_.ask_parties(plugin));
    }

    /// Without a mechanism only what is listed is meant: not every file, nor as what else a file could be read.
    void look_up(const Plugin &plugin, std::size_t selector)
    {
        const bool names_mechanism = selectors_[selector].names_mechanism();
        if (!names_mechanism && !plugin.inspect()->list)
            return;
        const Address address = selectors_[selector].within(plugin.mechanism());
        if (!plugin.check(address))
            return;
        const Result<std::size_t> found = inventory_.look(plugin, address, names_mechanism);
        if (found) {
            looked_up_.push_back(found.value());
            matched_[selector] = true;
        } else if (!reasons_[selector] || reasons_[selector]->code() == ENOENT) {
            reasons_[selector] = found.error();
        }
    }

    Result<void> take_limits(const Plugin &plugin)
    {
        if (!plugin.inspect()->limits)
            return {};
        std::pair<const Plugin *, std::vector<Limit> *> context(&plugin, &snapshot_.limits);
        const ipc_emit_limit emit = [](void *raw, const ipc_limit *emitted) noexcept {
            const auto &[source, limits] = *static_cast<decltype(context) *>(raw);
            const ipc_limit limit = complete_record(*emitted);
            limits->push_back({std::string(source->mechanism()), limit.name ? limit.name : "",
                               limit.meaning ? limit.meaning : "", limit.limit, limit.used,
                               limit.unit == IPC_UNIT_BYTES});
            return 0;
        };
        return call(plugin.inspect()->limits, emit, static_cast<void *>(&context));
    }

    void report_failure(const Plugin &plugin, const Result<void> &result)
    {
        if (!result)
            fail(fmt::format("{}: {}", plugin.mechanism(), result.error().text()));
    }

    void fail(const std::string &what)
    {
        if (std::find(snapshot_.failures.begin(), snapshot_.failures.end(), what) == snapshot_.failures.end())
            snapshot_.failures.push_back(what);
    }

    Coverage go_over(Result<ProcessWalk> &walk)
    {
        if (!walk) {
            fail(fmt::format("holders are not known: {}", walk.error().text()));
            return Coverage::none;
        }
        inventory_.look_for_locked_words(wants_calls(request_.pass));
        snapshot_.processes = walk.value().tell([this](const ipc_sight &sight) { inventory_.see(sight); });
        for (const Blindness &one : blindness_of(snapshot_.processes))
            notice(fmt::format("{}: holders are incomplete ({})", one.what, one.remedy));
        if (const int code = snapshot_.processes.failure)
            fail(fmt::format("{} of {} processes were not looked into, or only in part: {}: holders are incomplete",
                             snapshot_.processes.failed, snapshot_.processes.processes, std::strerror(code)));
        return coverage_of(snapshot_.processes);
    }

    void tell_unread()
    {
        if (const std::uint64_t unread = inventory_.unread_processes())
            notice(fmt::format("who has mutexes locked in shared memory is not known of {} processes (CAP_SYS_PTRACE "
                               "shows them)",
                               unread));
    }

    bool is_selected(const Object &object)
    {
        bool selected = selectors_.empty();
        for (std::size_t i = 0; i < selectors_.size(); i++)
            if (selectors_[i].concerns(object.mechanism()) && selectors_[i].matches(object.address))
                selected = matched_[i] = true;
        return selected;
    }

    std::vector<Place> selected_places(const std::vector<Object> &all)
    {
        std::vector<bool> selected(all.size());
        for (std::size_t i = 0; i < all.size(); i++)
            selected[i] = is_selected(all[i]);
        for (std::size_t index : looked_up_)
            selected[index] = true;
        std::vector<Place> places;
        places.reserve(all.size());
        for (std::size_t i = 0; i < all.size(); i++)
            if (selected[i])
                places.push_back(place_of(all[i], i));
        return places;
    }

    /// Sorted by places: moving an object costs more than comparing two, and so does looking at one.
    void select()
    {
        std::vector<Object> &all = inventory_.objects();
        std::vector<Place> order = selected_places(all);
        const auto is_before = [&](const Place &left, const Place &right) {
            if (left.plugin != right.plugin)
                return left.plugin->mechanism() < right.plugin->mechanism();
            if (left.first != right.first)
                return left.first < right.first;
            if (left.second != right.second)
                return left.second < right.second;
            const int names = all[left.index].address.name.compare(all[right.index].address.name);
            return names ? names < 0 : left.index < right.index;
        };
        // What mechanisms list is often in order, and what the pass found stands behind it.
        const auto unsorted = std::is_sorted_until(order.begin(), order.end(), is_before);
        if (unsorted == order.end() && order.size() == all.size()) {
            snapshot_.objects.swap(all);
            return;
        }
        std::sort(unsorted, order.end(), is_before);
        std::inplace_merge(order.begin(), unsorted, order.end(), is_before);
        snapshot_.objects.reserve(order.size());
        for (const Place &place : order)
            snapshot_.objects.push_back(std::move(all[place.index]));
    }

    void explain_unmatched()
    {
        for (std::size_t i = 0; i < selectors_.size(); i++)
            if (!matched_[i])
                snapshot_.unmatched.push_back(
                    {selectors_[i].text(),
                     reasons_[i].value_or(failure(ENOENT, "nothing matches (ipcls shows what exists)"))});
    }

    const SnapshotRequest &request_;
    Snapshot &snapshot_;
    std::vector<Selector> selectors_;
    std::vector<bool> matched_;
    std::vector<std::optional<Error>> reasons_;
    std::vector<std::size_t> looked_up_;
    Inventory inventory_;
};

} // namespace

std::string_view name_of(State state)
{
    constexpr std::string_view names[] = {"in use", "idle", "orphan", "removed", "unknown"};
    return names[static_cast<std::size_t>(state)];
}

Snapshot take_snapshot(const std::vector<FoundPlugin> &plugins, const SnapshotRequest &request)
{
    Snapshot snapshot;
    snapshot.taken = now();
    const NoticeCatcher catcher(snapshot.notices);
    Look(request, snapshot).take(plugins);
    return snapshot;
}

Result<Object> look_at(const Address &address, const ProcessPass &pass)
{
    const Plugin *plugin = IPC_TRY(load_plugin(address.mechanism));
    Inventory inventory;
    inventory.add_plugin(*plugin);
    inventory.look_for_locked_words(wants_calls(pass));
    const std::size_t index = IPC_TRY(inventory.look(*plugin, address));
    IPC_TRY(inventory.ask_parties(*plugin));
    const ProcessPassResult seen = IPC_TRY(
        go_over_processes(what_is_claimed(pass, inventory), [&](const ipc_sight &sight) { inventory.see(sight); }));
    inventory.settle(coverage_of(seen), unseen_of(seen));
    return std::move(inventory.objects()[index]);
}

std::vector<std::string> list_addresses(std::string_view capability, std::string_view mechanism)
{
    std::vector<FoundPlugin> plugins = find_plugins();
    if (!mechanism.empty())
        std::erase_if(plugins, [&](const FoundPlugin &found) { return found.mechanism != mechanism; });
    SnapshotRequest request;
    request.capability = capability;
    request.holders = !mechanism.empty() && std::any_of(plugins.begin(), plugins.end(), [](const FoundPlugin &found) {
        return found.plugin && found.plugin->inspect() && !found.plugin->inspect()->list;
    });
    request.pass.wanted = ~std::uint32_t{IPC_CLAIMS_CALLS};
    std::vector<std::string> addresses;
    for (const Object &object : take_snapshot(plugins, request).objects)
        addresses.push_back(object.address.text());
    return addresses;
}

const Holder *find_holder(const Object &object, std::int64_t process)
{
    const auto found = std::find_if(object.holders.begin(), object.holders.end(),
                                    [&](const Holder &holder) { return holder.process == process; });
    return found == object.holders.end() ? nullptr : &*found;
}

std::string list_holders(const std::vector<Holder> &holders)
{
    constexpr std::size_t shown = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(holders.size(), shown); i++)
        text += fmt::format("{}{} {}", i == 0 ? "" : ", ", holders[i].process, quoted_name(holders[i].command));
    if (holders.size() > shown)
        text += fmt::format(" and {} more", holders.size() - shown);
    return text;
}

std::string name_holders(const std::vector<Holder> &holders) { return printable(list_holders(holders)); }

} // namespace ipc
