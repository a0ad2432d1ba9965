// SPDX-License-Identifier: MIT
#include "blocked.hpp"

#include "cycles.hpp"
#include "process.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

namespace ipc {
namespace {

/// What some wait for together: an object, or one part of it.
struct Contested {
    const Object *object;
    std::uint64_t offset;
    std::shared_ptr<const std::vector<const Party *>> lockers;
    std::vector<std::size_t> waits;
};

bool concerns(const Party &locker, std::uint64_t offset)
{
    return locker.offset == offset || locker.offset == IPC_UNKNOWN || offset == IPC_UNKNOWN;
}

/// Does whoever waits go on when any one of those unlocks, and not only when all have?
bool has_slots(const Object &object)
{
    return object.plugin->semaphore() && (object.plugin->semaphore()->features & IPC_SEMAPHORE_SLOTS);
}

/// The graph: a wait leads to what is waited for, that to the waits of those who have it locked.
class WaitGraph {
public:
    WaitGraph(std::vector<Blocked> &blocked, const std::function<bool(std::int64_t)> &waits_for_child)
        : blocked_(blocked), waits_for_child_(waits_for_child)
    {
        for (std::size_t wait = 0; wait < blocked.size(); wait++) {
            waits_of_[blocked[wait].party->process].push_back(wait);
            contest(wait);
        }
        for (std::size_t wait = 0; wait < blocked.size(); wait++)
            enter_ancestors(wait);
    }

    void mark()
    {
        Edges edges = this->edges();
        std::vector<std::size_t> cycles = find_cycles(edges);
        while (open_what_may_go_on(edges, cycles))
            cycles = find_cycles(edges);
        for (std::size_t wait = 0; wait < blocked_.size(); wait++)
            blocked_[wait].cycle = cycles[wait];
    }

private:
    std::size_t node_of(const Contested &contested) const
    {
        return blocked_.size() + static_cast<std::size_t>(&contested - contested_.data());
    }

    void contest(std::size_t wait)
    {
        Blocked &blocked = blocked_[wait];
        const auto [entry, is_new] =
            index_.try_emplace(std::pair(blocked.object, blocked.party->offset), contested_.size());
        if (is_new) {
            auto lockers = std::make_shared<std::vector<const Party *>>();
            for (const Party &party : blocked.object->parties)
                if (party.has_locked() && concerns(party, blocked.party->offset))
                    lockers->push_back(&party);
            contested_.push_back({blocked.object, blocked.party->offset, std::move(lockers), {}});
        }
        Contested &contested = contested_[entry->second];
        contested.waits.push_back(wait);
        blocked.held_by = contested.lockers;
    }

    /// Those who wait for a child, or for a child's child, that waits.
    void enter_ancestors(std::size_t wait)
    {
        constexpr int most = 16;
        std::int64_t ancestor = blocked_[wait].who->parent;
        for (int i = 0; i < most && ancestor > 1 && is_waiting_parent(ancestor); i++) {
            waits_of_children_[ancestor].push_back(wait);
            const std::optional<Process> process = find_process(ancestor);
            ancestor = process ? process->parent : 0;
        }
    }

    bool is_waiting_parent(std::int64_t process)
    {
        const auto [entry, is_new] = waiting_parents_.try_emplace(process);
        if (is_new)
            entry->second = waits_for_child_(process);
        return entry->second;
    }

    /// The waits that keep a locker from unlocking.
    std::vector<std::size_t> waits_of(const Party &locker, const Contested &contested) const
    {
        std::vector<std::size_t> waits;
        if (const auto own = waits_of_.find(locker.process); own != waits_of_.end())
            for (const std::size_t wait : own->second)
                if (may_be_that_thread(locker, wait, contested))
                    waits.push_back(wait);
        if (const auto children = waits_of_children_.find(locker.process); children != waits_of_children_.end())
            waits.insert(waits.end(), children->second.begin(), children->second.end());
        return waits;
    }

    /// A process whose threads compete for the same lock is no deadlock, as far as is known.
    bool may_be_that_thread(const Party &locker, std::size_t wait, const Contested &contested) const
    {
        const Blocked &blocked = blocked_[wait];
        if (locker.thread && blocked.party->thread)
            return locker.thread == blocked.party->thread;
        return blocked.object != contested.object || blocked.who->threads <= 1;
    }

    Edges edges() const
    {
        Edges edges(blocked_.size() + contested_.size());
        for (const Contested &contested : contested_) {
            for (const std::size_t wait : contested.waits)
                edges[wait].push_back(node_of(contested));
            for (const Party *locker : *contested.lockers) {
                const std::vector<std::size_t> waits = waits_of(*locker, contested);
                edges[node_of(contested)].insert(edges[node_of(contested)].end(), waits.begin(), waits.end());
            }
        }
        return edges;
    }

    /// Cut what lies in a cycle though one of those who have a slot of it does not; was there any?
    bool open_what_may_go_on(Edges &edges, const std::vector<std::size_t> &cycles) const
    {
        bool any = false;
        for (const Contested &contested : contested_) {
            const std::size_t node = node_of(contested), cycle = cycles[node];
            const auto is_stuck = [&](const Party *locker) {
                const std::vector<std::size_t> waits = waits_of(*locker, contested);
                return std::any_of(waits.begin(), waits.end(), [&](std::size_t wait) { return cycles[wait] == cycle; });
            };
            if (cycle == 0 || !has_slots(*contested.object) ||
                std::all_of(contested.lockers->begin(), contested.lockers->end(), is_stuck))
                continue;
            edges[node].clear();
            any = true;
        }
        return any;
    }

    std::vector<Blocked> &blocked_;
    const std::function<bool(std::int64_t)> &waits_for_child_;
    std::map<std::pair<const Object *, std::uint64_t>, std::size_t> index_;
    std::vector<Contested> contested_;
    std::unordered_map<std::int64_t, std::vector<std::size_t>> waits_of_, waits_of_children_;
    std::unordered_map<std::int64_t, bool> waiting_parents_;
};

} // namespace

std::vector<Blocked> find_blocked(const std::vector<Object> &objects,
                                  const std::function<bool(std::int64_t process)> &waits_for_child)
{
    std::vector<Blocked> blocked;
    for (const Object &object : objects)
        for (const Party &party : object.parties)
            if (!party.has_locked())
                blocked.push_back({&object, &party, find_holder(object, party.process), nullptr});
    WaitGraph(blocked, waits_for_child).mark();
    return blocked;
}

} // namespace ipc
