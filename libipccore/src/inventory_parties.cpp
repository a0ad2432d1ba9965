// SPDX-License-Identifier: MIT
// The part of the inventory that finds who has an object locked and who waits for it.
#include "error.hpp"
#include "inventory.hpp"
#include "proc_view.hpp"
#include "thread_status.hpp"
#include "thread_words.hpp"

#include <ipc/process_end.hpp>

#include <algorithm>
#include <utility>

namespace ipc {

Result<void> Inventory::ask_parties(const Plugin &plugin)
{
    if (!plugin.inspect() || !plugin.inspect()->parties)
        return {};
    std::pair<const Plugin *, std::vector<ToldParty> *> context(&plugin, &told_);
    const ipc_emit_party emit = [](void *raw, const ipc_party *emitted) noexcept {
        const auto &[source, told] = *static_cast<decltype(context) *>(raw);
        const ipc_party party = complete_record(*emitted);
        told->push_back({key_of(*source, party.identity),
                         {party.role, party.process, party.thread, party.offset, party.since},
                         (party.flags & IPC_PARTY_CERTAIN) != 0,
                         party.name ? party.name : "",
                         party.space});
        return 0;
    };
    return call(plugin.inspect()->parties, emit, static_cast<void *>(&context));
}

void Inventory::join_found()
{
    for (const FoundParty &found : found_)
        if (const auto entry = known_.find(found.key); entry != known_.end())
            objects_[entry->second].parties.push_back(found.party);
}

/// A number alone may be that of another process by now, or of another namespace.
bool Inventory::is_believable(const ToldParty &told, const Object &object) const
{
    return told.certain || find_holder(object, told.party.process) || !may_look_into(told.party.process);
}

std::optional<std::size_t> Inventory::object_of(const ToldParty &told)
{
    if (const auto entry = known_.find(told.key); entry != known_.end())
        return entry->second;
    if (told.name.empty())
        return std::nullopt;
    ipc_object object;
    ipc_object_clear(&object);
    object.flags = IPC_OBJECT_DENIED;
    object.name = told.name.c_str();
    object.identity = {told.key.space, told.key.device, told.key.number, IPC_NO_TIME};
    named_by_party_.push_back(add(*told.key.plugin, object));
    index_objects();
    return named_by_party_.back();
}

/// Its number means nothing here. Who sees all processes and not that one knows that it is dead.
void Inventory::find_elsewhere(ToldParty &told, Object &object, Coverage coverage)
{
    Party &party = told.party;
    const std::int64_t number = std::exchange(party.process, 0);
    const std::optional<std::int64_t> here = find_process_of(told.space, number);
    if (here && !has_ended(*here))
        party.process = *here;
    else if (!here && coverage != Coverage::whole)
        object.elsewhere = number;
}

void Inventory::join_told(Coverage coverage)
{
    for (ToldParty &told : told_) {
        const std::optional<std::size_t> index = object_of(told);
        Party &party = told.party;
        if (index && told.space != 0)
            find_elsewhere(told, objects_[*index], coverage);
        if (party.process == 0 && party.thread != 0)
            party.process = process_of_thread(party.thread).value_or(0);
        if (index && party.process != 0 && is_believable(told, objects_[*index]))
            objects_[*index].parties.push_back(party);
    }
}

/// What locks and waits by a word of a mapping does so in every object that may be behind it.
void Inventory::see_word(std::uint64_t address, const Party &party)
{
    const auto behind = std::partition_point(mappings_.begin(), mappings_.end(),
                                             [&](const MappingClaim &mapping) { return mapping.start <= address; });
    for (auto mapping = behind; mapping != mappings_.begin() && address < (--mapping)->end;) {
        Party found = party;
        // A semaphore or a lock is all of its object, whatever else lies there.
        if (!mapping->key.plugin->semaphore())
            found.offset = address - mapping->start + mapping->offset;
        else if (!found.has_locked())
            found.role = IPC_ROLE_WAITS_TO_LOCK;
        found_.push_back({mapping->key, found});
    }
}

void Inventory::finish_process()
{
    // Who locks writes.
    const auto is_writable = [](const MappingClaim &mapping) { return (mapping.access & IPC_WRITE) != 0; };
    if (wants_locked_words_ && std::any_of(mappings_.begin(), mappings_.end(), is_writable)) {
        const Result<std::vector<LockedWord>> words = locked_words(process_);
        unread_ += !words;
        if (words)
            for (const LockedWord &word : words.value())
                see_word(word.address, {.process = process_, .thread = word.thread});
    }
    descriptors_.clear();
    mappings_.clear();
}

} // namespace ipc
