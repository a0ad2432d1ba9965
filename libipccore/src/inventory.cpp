// SPDX-License-Identifier: MIT
#include "inventory.hpp"

#include "error.hpp"
#include "helping_thread.hpp"
#include "parties.hpp"
#include "process.hpp"
#include "thread_words.hpp"

#include <ipc/process_end.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

namespace ipc {
namespace {

bool has_identity(const ipc_identity &identity) { return identity.space || identity.device || identity.number; }

/// A plugin's listing, on its way through the boundary.
template <typename Take> Result<void> list_with(const ipc_inspect_v1 &inspect, Take &&take)
{
    const auto emit = [](void *context, const ipc_object *object) noexcept {
        (*static_cast<std::remove_reference_t<Take> *>(context))(*object);
        return 0;
    };
    return call(inspect.list, static_cast<ipc_emit_object>(emit), static_cast<void *>(&take));
}

template <typename Take> Result<void> look_with(const ipc_inspect_v1 &inspect, const Address &address, Take &&take)
{
    const auto emit = [](void *context, const ipc_object *object) noexcept {
        (*static_cast<std::remove_reference_t<Take> *>(context))(*object);
        return 0;
    };
    const CrossingAddress crossing(address);
    return call(inspect.look, crossing.get(), static_cast<ipc_emit_object>(emit), static_cast<void *>(&take));
}

bool is_some(std::uint64_t count) { return count != IPC_UNKNOWN && count != 0; }

/// Who made objects and used them last: of many objects it is the same few.
class Users {
public:
    void judge(Object &object)
    {
        const ipc_object &facts = object.facts;
        const bool is_told = facts.flags & IPC_OBJECT_USERS;
        bool all_dead = true;
        for (const std::uint64_t process : {facts.last_out, facts.last_in, facts.creator}) {
            if (!is_some(process) || has_ended(process))
                continue;
            all_dead = false;
            if (is_told && object.user == 0)
                object.user = static_cast<std::int64_t>(process);
        }
        object.has_unseen_user = is_told && (facts.flags & IPC_OBJECT_UNSEEN);
        object.abandoned = all_dead && is_some(facts.creator) && !object.has_unseen_user &&
                           !(facts.flags & IPC_OBJECT_KEPT) && object.part_of.empty();
    }

private:
    bool has_ended(std::uint64_t process)
    {
        if (process > std::uint64_t{std::numeric_limits<pid_t>::max()})
            return false; // no number of a process, and no proof of anything
        if (process == last_)
            return answer_;
        const auto [entry, is_new] = known_.try_emplace(process, false);
        if (is_new)
            entry->second = ipc::has_ended(static_cast<std::int64_t>(process));
        last_ = process;
        return answer_ = entry->second;
    }

    std::unordered_map<std::uint64_t, bool> known_;
    std::uint64_t last_ = IPC_UNKNOWN;
    bool answer_ = false;
};

/// Is it proven that nobody has it, as none was found? Not where somebody may come back who has nothing open meanwhile.
bool is_certain(const Object &object)
{
    const ipc_object &facts = object.facts;
    if (object.elsewhere)
        return false;
    if (facts.flags & IPC_OBJECT_COUNTED)
        return true;
    const bool counts_waiters = (facts.flags & IPC_OBJECT_USERS) && facts.waiters != IPC_UNKNOWN;
    return object.user == 0 && !object.has_unseen_user && (counts_waiters || !object.incomplete);
}

State state_of(const Object &object)
{
    const ipc_object &facts = object.facts;
    if (facts.flags & IPC_OBJECT_REMOVED)
        return State::removed;
    if (!object.holders.empty() || is_some(facts.attached) || is_some(facts.waiters) || !object.part_of.empty())
        return State::in_use;
    if (!is_certain(object))
        return State::unknown;
    return object.abandoned ? State::orphan : State::idle;
}

std::uint64_t hidden_mappings(const Object &object)
{
    if (!(object.facts.flags & IPC_OBJECT_COUNTED) || object.facts.attached == IPC_UNKNOWN)
        return 0;
    std::uint64_t found = 0;
    for (const Holder &holder : object.holders)
        found += holder.mappings;
    return object.facts.attached - std::min(found, object.facts.attached);
}

/// Who holders are is read once for each process, and only of those that hold something.
class Identification {
public:
    /// The holders of all these; of a crowd, two threads read about the next one in turn.
    explicit Identification(const std::vector<Object> &objects)
    {
        constexpr std::size_t worth_two_threads = 64;
        for (const Object &object : objects)
            for (const Holder &holder : object.holders)
                processes_.try_emplace(holder.process);
        for (auto &entry : processes_)
            unread_.push_back(&entry);
        std::optional<HelpingThread> helper;
        if (unread_.size() >= worth_two_threads && std::thread::hardware_concurrency() > 1)
            helper.emplace([this] { read(); });
        read();
    }

    /// False if the process has ended. One that cannot be asked, for want of a descriptor say, still holds what it
    /// does.
    bool complete(Holder &holder)
    {
        const auto entry = processes_.find(holder.process);
        if (entry == processes_.end())
            return false;
        if (!entry->second) {
            holder.command = "?";
            return kill(static_cast<pid_t>(holder.process), 0) == 0 || errno != ESRCH;
        }
        holder.start = entry->second->start;
        holder.parent = entry->second->parent;
        holder.threads = entry->second->threads;
        holder.user = entry->second->user;
        holder.command = entry->second->command;
        return true;
    }

private:
    using Processes = std::unordered_map<std::int64_t, std::optional<Process>>;

    void read()
    {
        for (std::size_t index; (index = next_++) < unread_.size();)
            unread_[index]->second = find_process(unread_[index]->first);
    }

    Processes processes_;
    std::vector<Processes::value_type *> unread_;
    std::atomic<std::size_t> next_ = 0;
};

/// Nothing tells of some objects' pages but the mappings of those who have it mapped.
void learn_page_size(ipc_object &facts, const ipc_sight &sight)
{
    if (sight.kind == IPC_SIGHT_MAPPING && sight.page_size && facts.page_size == IPC_UNKNOWN)
        facts.page_size = sight.page_size;
}

Holder &holder_of(std::vector<Holder> &holders, std::int64_t process)
{
    if (holders.empty() || holders.back().process != process)
        holders.emplace_back().process = process;
    return holders.back();
}

} // namespace

ipc_object complete_record(const ipc_object &emitted)
{
    ipc_object object;
    ipc_object_clear(&object);
    adopt(object, &emitted);
    return object;
}

ipc_limit complete_record(const ipc_limit &emitted)
{
    ipc_limit limit = {};
    limit.limit = limit.used = IPC_UNKNOWN;
    adopt(limit, &emitted);
    return limit;
}

ipc_party complete_record(const ipc_party &emitted)
{
    ipc_party party;
    ipc_party_clear(&party);
    adopt(party, &emitted);
    return party;
}

std::size_t Inventory::KeyHash::operator()(const Key &key) const
{
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
    std::uint64_t hash = key.number * odd;
    hash = (hash ^ hash >> 32 ^ key.device) * odd;
    return (hash ^ hash >> 32 ^ key.space ^ reinterpret_cast<std::uintptr_t>(key.plugin)) * odd;
}

Inventory::Key Inventory::key_of(const Plugin &plugin, const ipc_identity &identity)
{
    return {&plugin, identity.space, identity.device, identity.number};
}

void Inventory::add_plugin(const Plugin &plugin)
{
    if (!plugin.inspect() || !plugin.inspect()->claim)
        return;
    plugins_.push_back(&plugin);
    claims_ |= plugin.inspect()->claims ? plugin.inspect()->claims : ~0u;
}

Result<void> Inventory::list(const Plugin &plugin)
{
    const ipc_inspect_v1 *inspect = plugin.inspect();
    if (!inspect || !inspect->list)
        return {};
    return list_with(*inspect, [&](const ipc_object &emitted) {
        if (emitted.name)
            add(plugin, emitted);
    });
}

Result<std::size_t> Inventory::look(const Plugin &plugin, const Address &address, bool may_add)
{
    if (!plugin.inspect())
        return failure(ENOTSUP, "mechanism {} shows nothing of its objects", plugin.mechanism());
    std::optional<std::size_t> found;
    IPC_TRY(look_with(*plugin.inspect(), address, [&](const ipc_object &emitted) {
        if (emitted.name)
            found = find(plugin, emitted);
        if (emitted.name && !found && may_add)
            found = add(plugin, emitted);
    }));
    if (!found)
        return failure(ENOENT, "there is none of that name (ipcls shows what exists)");
    if (!plugin.inspect()->list && plugin.inspect()->describe)
        by_name_.push_back(*found);
    return *found;
}

std::size_t Inventory::add(const Plugin &plugin, const ipc_object &emitted)
{
    const std::size_t index = objects_.size();
    if (index == objects_.capacity())
        objects_.reserve(std::max<std::size_t>(1024, 4 * index));
    Object &object = objects_.emplace_back();
    object.plugin = &plugin;
    object.address.mechanism = plugin.mechanism();
    take(index, emitted);
    return index;
}

void Inventory::take(std::size_t index, const ipc_object &emitted)
{
    Object &object = objects_[index];
    ipc_object_clear(&object.facts);
    adopt(object.facts, &emitted);
    object.address.name = object.facts.name;
    object.detail = object.facts.detail ? object.facts.detail : "";
    if (object.facts.part_of)
        wholes_.push_back({index, object.facts.part_of, object.facts.whole});
    object.facts.name = object.facts.detail = object.facts.part_of = nullptr;
}

void Inventory::index_objects()
{
    if (indexed_ == objects_.size())
        return;
    known_.reserve(objects_.size());
    for (; indexed_ < objects_.size(); indexed_++) {
        const Object &object = objects_[indexed_];
        if (!has_identity(object.facts.identity))
            continue;
        const auto [entry, is_new] = known_.emplace(key_of(*object.plugin, object.facts.identity), indexed_);
        if (!is_new && entry->second != indexed_)
            twins_.emplace_back(indexed_, entry->second);
    }
}

std::optional<std::size_t> Inventory::find(const Plugin &plugin, const ipc_object &emitted)
{
    index_objects();
    const ipc_identity identity = complete_record(emitted).identity;
    const auto entry = has_identity(identity) ? known_.find(key_of(plugin, identity)) : known_.end();
    if (entry == known_.end())
        return std::nullopt;
    const auto is_named = [&](std::size_t index) { return objects_[index].address.name == emitted.name; };
    if (is_named(entry->second))
        return entry->second;
    for (const auto &[twin, first] : twins_)
        if (first == entry->second && is_named(twin))
            return twin;
    return std::nullopt;
}

void Inventory::see(const ipc_sight &sight)
{
    if (sight.process != process_)
        finish_process();
    process_ = sight.process;
    index_objects();
    for (const Plugin *plugin : plugins_)
        offer(*plugin, sight);
    if (sight.kind == IPC_SIGHT_CALL && !mappings_.empty())
        for (const std::uint64_t address : sleeping_words(sight))
            see_word(address, {.role = IPC_ROLE_WAITS_AT_WORD, .process = sight.process, .thread = sight.thread});
}

void Inventory::offer(const Plugin &plugin, const ipc_sight &sight)
{
    ipc_claim claim = {};
    claim.size = sizeof claim;
    claim.descriptor = -1;
    claim.offset = IPC_UNKNOWN;
    if (plugin.inspect()->claim(&sight, &claim) == 0)
        return;
    const std::optional<Key> key = resolve(plugin, sight, claim);
    if (!key)
        return;
    if (sight.kind == IPC_SIGHT_DESCRIPTOR)
        descriptors_.push_back({sight.number, *key});
    if (sight.kind == IPC_SIGHT_MAPPING)
        mappings_.push_back({sight.start, sight.end, sight.offset, sight.access, *key});
    if (claim.role != IPC_ROLE_HOLDER)
        found_.push_back({*key,
                          {.role = claim.role,
                           .process = sight.process,
                           .thread = sight.kind == IPC_SIGHT_CALL ? sight.thread : 0,
                           .offset = claim.offset}});
    hold(*key, sight);
    if (!known_.contains(*key))
        try_to_describe(*key, sight);
    else if (sight.kind == IPC_SIGHT_DESCRIPTOR)
        if (const std::optional<std::size_t> index = find_improvable(*key))
            try_to_describe_better(*index, sight);
}

std::optional<Inventory::Key> Inventory::resolve(const Plugin &plugin, const ipc_sight &sight,
                                                 const ipc_claim &claim) const
{
    if (sight.kind != IPC_SIGHT_CALL || claim.descriptor < 0)
        return key_of(plugin, claim.identity);
    for (const DescriptorClaim &descriptor : descriptors_)
        if (descriptor.number == claim.descriptor && descriptor.key.plugin == &plugin)
            return descriptor.key;
    return std::nullopt;
}

void Inventory::hold(const Key &key, const ipc_sight &sight)
{
    const auto entry = known_.find(key);
    if (entry == known_.end() && !key.plugin->inspect()->describe)
        return;
    std::vector<Holder> &holders = entry != known_.end() ? objects_[entry->second].holders : pending_[key];
    if (entry != known_.end())
        learn_page_size(objects_[entry->second].facts, sight);
    Holder &holder = holder_of(holders, sight.process);
    if (sight.kind != IPC_SIGHT_CALL)
        holder.access |= sight.access;
    holder.mappings += sight.kind == IPC_SIGHT_MAPPING;
    holder.descriptors += sight.kind == IPC_SIGHT_DESCRIPTOR;
}

void Inventory::try_to_describe(const Key &key, const ipc_sight &sight)
{
    const auto pending = pending_.find(key);
    if (pending == pending_.end())
        return;
    struct Context {
        Inventory *inventory;
        const Plugin *plugin;
        std::optional<std::size_t> added;
    } context{this, key.plugin, std::nullopt};
    const ipc_emit_object emit = [](void *raw, const ipc_object *object) noexcept {
        auto &emission = *static_cast<Context *>(raw);
        if (object->name && !emission.added)
            emission.added = emission.inventory->add(*emission.plugin, *object);
        return 0;
    };
    if (key.plugin->inspect()->describe(&sight, emit, &context) != 0 || !context.added)
        return;
    // Under the identity of the claim too: that is what the next sight of it will be claimed with.
    index_objects();
    known_[key] = *context.added;
    learn_page_size(objects_[*context.added].facts, sight);
    objects_[*context.added].holders = std::move(pending->second);
    pending_.erase(pending);
    if (sight.kind == IPC_SIGHT_MAPPING)
        by_mapping_.push_back(*context.added);
}

std::optional<std::size_t> Inventory::find_improvable(const Key &key) const
{
    const auto entry = by_mapping_.empty() && by_name_.empty() ? known_.end() : known_.find(key);
    if (entry == known_.end() || (std::ranges::find(by_mapping_, entry->second) == by_mapping_.end() &&
                                  std::ranges::find(by_name_, entry->second) == by_name_.end()))
        return std::nullopt;
    return entry->second;
}

void Inventory::try_to_describe_better(std::size_t index, const ipc_sight &sight)
{
    ipc_sight again = sight;
    again.described = 1;
    struct Context {
        Inventory &inventory;
        const std::size_t place;
        Object &known;
        const bool keeps_name;
    } improvement{*this, index, objects_[index], std::ranges::find(by_name_, index) != by_name_.end()};
    const ipc_emit_object emit = [](void *context, const ipc_object *emitted) noexcept {
        auto &[inventory, place, known, keeps_name] = *static_cast<Context *>(context);
        if (!emitted->name || (keeps_name && known.address.name != emitted->name))
            return 0;
        const std::uint64_t page_size = known.facts.page_size;
        inventory.take(place, *emitted);
        if (known.facts.page_size == IPC_UNKNOWN)
            known.facts.page_size = page_size;
        return 1;
    };
    if (improvement.known.plugin->inspect()->describe(&again, emit, &improvement) != 0)
        return;
    std::erase(by_mapping_, index);
    std::erase(by_name_, index);
}

namespace {

/// Is what an object says that it is a part of there? What cannot be looked up may be.
bool may_exist(const std::string &text, const ipc_identity &identity)
{
    Result<Address> address = parse_address(text, Family{});
    if (!has_identity(identity) || !address)
        return true;
    address.value().parameters.clear();
    const Result<const Plugin *> plugin = load_plugin(address.value().mechanism);
    if (!plugin || !plugin.value()->inspect() || !plugin.value()->check(address.value()))
        return true;
    bool exists = false;
    const Result<void> looked = look_with(*plugin.value()->inspect(), address.value(), [&](const ipc_object &emitted) {
        const ipc_identity now = complete_record(emitted).identity;
        exists |= now.space == identity.space && now.device == identity.device && now.number == identity.number;
    });
    return exists || (!looked && looked.error().code() != ENOENT);
}

} // namespace

void Inventory::join_wholes()
{
    std::unordered_map<std::string, bool> known;
    for (const Whole &whole : wholes_) {
        const ipc_identity &identity = whole.identity;
        const auto [entry, is_new] = known.try_emplace(
            fmt::format("{} {} {} {}", whole.address, identity.space, identity.device, identity.number), false);
        if (is_new)
            entry->second = may_exist(whole.address, identity);
        if (entry->second)
            objects_[whole.part].part_of = whole.address;
    }
}

void Inventory::settle(Coverage coverage, std::string unseen)
{
    Users users;
    const auto reason = unseen.empty() ? nullptr : std::make_shared<const std::string>(std::move(unseen));
    finish_process();
    index_objects();
    join_found();
    join_told(coverage);
    join_wholes();
    for (Object &object : objects_) {
        if (object.parties.empty())
            continue;
        merge_parties(object.parties);
        enter_parties(object.parties, object.holders);
    }
    for (const auto &[twin, first] : twins_) {
        objects_[twin].holders = objects_[first].holders;
        objects_[twin].parties = objects_[first].parties;
    }
    Identification identification(objects_);
    for (Object &object : objects_) {
        object.hidden = coverage == Coverage::none ? 0 : hidden_mappings(object);
        std::erase_if(object.holders, [&](Holder &holder) { return !identification.complete(holder); });
        std::sort(object.holders.begin(), object.holders.end(),
                  [](const Holder &left, const Holder &right) { return left.process < right.process; });
        std::erase_if(object.parties, [&](Party &party) { return !complete_party(party, object); });
        object.incomplete = coverage != Coverage::whole && !(object.facts.flags & IPC_OBJECT_COUNTED);
        if (object.incomplete)
            object.unseen = reason;
        users.judge(object);
        object.state = state_of(object);
    }
    for (const std::size_t index : named_by_party_)
        objects_[index].state = State::in_use;
}

} // namespace ipc
