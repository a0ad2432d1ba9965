// SPDX-License-Identifier: MIT
#include "parties.hpp"

#include "thread_status.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace ipc {
namespace {

bool waits_for_message(const Party &party)
{
    return party.role == IPC_ROLE_WAITS_TO_RECEIVE || party.role == IPC_ROLE_WAITS_TO_SEND;
}

/// Who sleeps at a word that somebody has locked waits to lock it; where the mechanism knows better what a thread
/// sleeps for, the word says nothing more.
void settle_words(std::vector<Party> &parties)
{
    std::vector<Party> known;
    std::copy_if(parties.begin(), parties.end(), std::back_inserter(known), waits_for_message);
    std::erase_if(parties, [&](const Party &party) {
        return party.role == IPC_ROLE_WAITS_AT_WORD && std::any_of(known.begin(), known.end(), [&](const Party &other) {
                   return other.process == party.process && other.thread == party.thread;
               });
    });
    for (Party &party : parties)
        if (party.role == IPC_ROLE_WAITS_AT_WORD &&
            std::any_of(parties.begin(), parties.end(),
                        [&](const Party &other) { return other.has_locked() && other.offset == party.offset; }))
            party.role = IPC_ROLE_WAITS_TO_LOCK;
}

bool may_be_same(const Party &left, const Party &right)
{
    const bool threads = left.thread == right.thread || left.thread == 0 || right.thread == 0;
    const bool offsets = left.offset == right.offset || left.offset == IPC_UNKNOWN || right.offset == IPC_UNKNOWN;
    return left.process == right.process && left.role == right.role && threads && offsets;
}

void learn(Party &party, const Party &other)
{
    party.thread = std::max(party.thread, other.thread);
    party.offset = std::min(party.offset, other.offset);
    party.since = std::max(party.since, other.since);
}

Holder &find_or_add(std::vector<Holder> &holders, std::int64_t process)
{
    const auto found =
        std::find_if(holders.begin(), holders.end(), [&](const Holder &holder) { return holder.process == process; });
    if (found != holders.end())
        return *found;
    holders.emplace_back().process = process;
    return holders.back();
}

void enter_role(std::uint32_t role, Holder &holder)
{
    holder.waits_to_receive |= role == IPC_ROLE_WAITS_TO_RECEIVE;
    holder.waits_to_send |= role == IPC_ROLE_WAITS_TO_SEND;
    holder.has_locked |= role == IPC_ROLE_HAS_LOCKED;
    holder.waits_to_lock |= role == IPC_ROLE_WAITS_TO_LOCK;
    holder.waits_at_word |= role == IPC_ROLE_WAITS_AT_WORD;
}

} // namespace

void merge_parties(std::vector<Party> &parties)
{
    settle_words(parties);
    const auto order = [](const Party &party) {
        return std::tuple(party.process, party.role, party.thread, party.offset);
    };
    std::sort(parties.begin(), parties.end(),
              [&](const Party &left, const Party &right) { return order(left) < order(right); });
    std::vector<Party> merged;
    auto first = merged.begin(); // of the process
    for (const Party &party : parties) {
        if (merged.empty() || merged.back().process != party.process)
            first = merged.end();
        const auto known = std::find_if(first, merged.end(), [&](const Party &one) { return may_be_same(one, party); });
        if (known != merged.end()) {
            learn(*known, party);
            continue;
        }
        const auto index = first - merged.begin();
        merged.push_back(party);
        first = merged.begin() + index;
    }
    parties.swap(merged);
}

/// False if its process has ended.
bool complete_party(Party &party, const Object &object)
{
    const Holder *holder = find_holder(object, party.process);
    if (!holder)
        return false;
    if (party.thread == 0 && holder->threads == 1)
        party.thread = party.process;
    if (!party.has_locked() && party.since == IPC_NO_TIME && party.thread != 0)
        party.since = asleep_since(party.process, party.thread);
    return true;
}

void enter_parties(const std::vector<Party> &parties, std::vector<Holder> &holders)
{
    Holder *holder = nullptr;
    for (const Party &party : parties) {
        if (!holder || holder->process != party.process)
            holder = &find_or_add(holders, party.process);
        enter_role(party.role, *holder);
    }
}

} // namespace ipc
