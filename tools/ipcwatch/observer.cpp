// SPDX-License-Identifier: MIT
#include "observer.hpp"

#include "past.hpp"
#include "process.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

namespace ipc::watch {
namespace {

constexpr std::uint64_t every = 5;
constexpr std::chrono::seconds longest = std::chrono::seconds(10);

bool same_facts(const Object &left, const Object &right)
{
    return left.address.mechanism == right.address.mechanism && left.address.name == right.address.name &&
           std::memcmp(&left.facts, &right.facts, sizeof left.facts) == 0;
}

bool only_whole_pass_finds(const Holder &holder)
{
    return holder.descriptors > 0 || holder.waits() || holder.has_locked;
}

/// Its start is only as exact as the clock that the time of boot is reckoned from.
bool lives(const Holder &holder)
{
    const std::optional<Process> process = find_process(holder.process);
    return process && !process->without_memory && std::abs(process->start - holder.start) < 1'000'000'000;
}

void add_holder(Object &object, const Holder &kept)
{
    const auto place = std::lower_bound(object.holders.begin(), object.holders.end(), kept.process,
                                        [](const Holder &holder, std::int64_t id) { return holder.process < id; });
    if (place == object.holders.end() || place->process != kept.process) {
        object.holders.insert(place, kept)->mappings = 0;
        return;
    }
    place->access |= kept.access;
    place->descriptors = kept.descriptors;
    place->waits_to_receive = kept.waits_to_receive;
    place->waits_to_send = kept.waits_to_send;
    place->has_locked = kept.has_locked;
    place->waits_to_lock = kept.waits_to_lock;
    place->waits_at_word = kept.waits_at_word;
}

/// As the whole pass found them, of those that live: who has what locked and who waits for it belong together.
void recall_parties(Object &object, const Object &kept)
{
    object.parties.clear();
    std::copy_if(kept.parties.begin(), kept.parties.end(), std::back_inserter(object.parties),
                 [&](const Party &party) { return find_holder(object, party.process); });
}

/// What a mechanism tells of who has something locked may have no name but a number.
bool knows_less(const Object &object, const Object &kept)
{
    return (object.facts.flags & IPC_OBJECT_DENIED) && !(kept.facts.flags & IPC_OBJECT_DENIED);
}

void insert_in_order(std::vector<Object> &objects, Object object)
{
    const auto order = [](const Object &left, const Object &right) {
        return std::tie(left.address.mechanism, left.address.name) <
               std::tie(right.address.mechanism, right.address.name);
    };
    objects.insert(std::upper_bound(objects.begin(), objects.end(), object, order), std::move(object));
}

} // namespace

Observer::Observer(Look look, std::vector<std::string> patterns) : look_(std::move(look))
{
    request_.patterns = std::move(patterns);
    request_.limits = true;
}

Snapshot Observer::take()
{
    const bool everywhere = must_look_everywhere();
    request_.pass.wanted = everywhere ? ~0u : std::uint32_t{IPC_CLAIMS_MAPPINGS};
    Snapshot snapshot = look_(request_);
    if (everywhere)
        remember(snapshot);
    else
        recall(snapshot);
    since_++;
    return snapshot;
}

bool Observer::must_look_everywhere()
{
    SnapshotRequest request;
    request.patterns = request_.patterns;
    request.holders = false;
    const bool changed = have_changed(look_(request).objects);
    return changed || since_ == 0 || since_ >= every || std::chrono::steady_clock::now() - whole_pass_ >= longest;
}

bool Observer::have_changed(const std::vector<Object> &objects)
{
    const bool same = std::equal(objects.begin(), objects.end(), latest_.begin(), latest_.end(), same_facts);
    if (!same)
        latest_ = objects;
    return !same;
}

void Observer::remember(const Snapshot &snapshot)
{
    kept_.clear();
    for (const Object &object : snapshot.objects)
        if (std::any_of(object.holders.begin(), object.holders.end(), only_whole_pass_finds)) {
            kept_.push_back(object);
            std::erase_if(kept_.back().holders, std::not_fn(only_whole_pass_finds));
        }
    notices_ = snapshot.notices;
    hid_ = !snapshot.processes.is_whole();
    since_ = 0;
    whole_pass_ = std::chrono::steady_clock::now();
}

void Observer::recall(Snapshot &snapshot) const
{
    snapshot.notices = notices_;
    for (Object &object : snapshot.objects)
        if (hid_ && !(object.facts.flags & IPC_OBJECT_COUNTED)) { // mappings alone may be visible
            object.incomplete = true;
            if (object.state == State::idle || object.state == State::orphan)
                object.state = State::unknown;
        }
    for (const Object &kept : kept_) {
        Object alive = kept;
        std::erase_if(alive.holders, std::not_fn(lives));
        if (alive.holders.empty())
            continue;
        const auto present = std::find_if(snapshot.objects.begin(), snapshot.objects.end(), [&](const Object &object) {
            return identity_of(object) == identity_of(kept);
        });
        const bool is_there = present != snapshot.objects.end();
        if (is_there && !knows_less(*present, kept)) {
            for (const Holder &holder : alive.holders)
                add_holder(*present, holder);
            recall_parties(*present, kept);
            if (present->state != State::removed)
                present->state = State::in_use;
            continue;
        }
        // Without a name, or named by a number: nothing but its holders shows what it is.
        if (is_there)
            snapshot.objects.erase(present);
        recall_parties(alive, kept);
        insert_in_order(snapshot.objects, std::move(alive));
    }
}

} // namespace ipc::watch
