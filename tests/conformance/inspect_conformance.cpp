// SPDX-License-Identifier: MIT
// ipc.inspect/1, as ipc/plugin.h promises it, through the model that the commands use.
#include "catch.hpp"
#include "process_look.hpp"
#include "queue.hpp"
#include "segment.hpp"
#include "semaphore.hpp"
#include "snapshot.hpp"
#include "subject.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

using namespace conformance;
using ipc::Queue;
using ipc::Segment;
using ipc::Semaphore;

namespace {

/// An object of whatever kind the mechanism makes, held open.
struct Held {
    std::optional<Segment> segment;
    std::optional<Queue> queue;
    std::optional<Semaphore> semaphore;

    explicit Held(const ipc::Address &address)
    {
        if (subject().segment()) {
            auto made = Segment::create(address, 4096, {});
            REQUIRE(made.ok());
            segment.emplace(std::move(made).value());
            REQUIRE(segment->map().ok());
        } else if (subject().queue()) {
            auto made = Queue::create(address, 0, 0, {});
            REQUIRE(made.ok());
            queue.emplace(std::move(made).value());
        } else {
            auto made = Semaphore::create(address, ipc::Purpose::lock, 1, {});
            REQUIRE(made.ok());
            semaphore.emplace(std::move(made).value());
        }
    }
    /// What reaches it, which need not be what it was created under.
    ipc::Address address() const
    {
        return segment ? segment->address() : queue ? queue->address() : semaphore->address();
    }
    ipc_identity identity()
    {
        return segment ? segment->status()->identity
               : queue ? queue->status()->identity
                       : semaphore->status()->identity;
    }
};

bool applies()
{
    if (subject().inspect() && (subject().segment() || subject().queue() || subject().semaphore()))
        return true;
    SUCCEED("nothing to inspect");
    return false;
}

bool equal(const ipc_identity &a, const ipc_identity &b)
{
    return a.space == b.space && a.device == b.device && a.number == b.number && a.birth == b.birth;
}

/// The object as list() emits it; nothing if it does not. By its identity, since a mechanism may list an object under
/// another form of its name.
std::optional<ipc_object> listed(const ipc_identity &identity)
{
    struct Search {
        const ipc_identity &identity;
        std::optional<ipc_object> found;
    } search{identity, {}};
    auto list = ipc::call(
        subject().inspect()->list,
        +[](void *context, const ipc_object *object) {
            auto &wanted = *static_cast<Search *>(context);
            if (equal(wanted.identity, object->identity))
                wanted.found = *object;
            return 0;
        },
        static_cast<void *>(&search));
    REQUIRE(list.ok());
    return search.found;
}

std::optional<ipc_object> looked_at(const ipc::Address &address)
{
    std::optional<ipc_object> found;
    ipc::CrossingAddress crossing(address);
    auto look = ipc::call(
        subject().inspect()->look, crossing.get(),
        +[](void *context, const ipc_object *object) {
            *static_cast<std::optional<ipc_object> *>(context) = *object;
            return 0;
        },
        static_cast<void *>(&found));
    if (!look)
        CHECK(look.error().code() == ENOENT);
    return found;
}

} // namespace

TEST_CASE("looking finds the object with its identity, and ENOENT where there is none")
{
    if (!applies())
        return;
    FreshAddress address;
    CHECK_FALSE(looked_at(*address));
    Held held(*address);
    auto object = looked_at(held.address());
    REQUIRE(object);
    CHECK(equal(object->identity, held.identity()));
    CHECK(object->owner == ::geteuid());
    CHECK(object->mode == 0600);
    if (held.segment)
        CHECK(object->capacity == 4096);
    else if (held.queue)
        CHECK(object->messages == 0);
    else
        CHECK(object->value == 1);
}

TEST_CASE("listing finds the object as looking does")
{
    if (!applies() || !subject().inspect()->list)
        return;
    FreshAddress address;
    Held held(*address);
    const ipc_identity identity = held.identity();
    auto object = listed(identity);
    REQUIRE(object);
    auto looked = looked_at(held.address());
    REQUIRE(looked);
    CHECK(object->mode == looked->mode);
    CHECK(object->capacity == looked->capacity);
    CHECK(object->changed == looked->changed);
    REQUIRE(conformance::remove(*address).ok());
    auto after = listed(identity);
    CHECK((!after || (after->flags & IPC_OBJECT_REMOVED)));
}

TEST_CASE("listing stops when the host wants no more")
{
    if (!applies() || !subject().inspect()->list)
        return;
    FreshAddress first, second;
    Held one(*first), two(*second);
    int emitted = 0;
    auto list = ipc::call(
        subject().inspect()->list, +[](void *context, const ipc_object *) { return ++*static_cast<int *>(context); },
        static_cast<void *>(&emitted));
    CHECK(list.ok());
    CHECK(emitted == 1);
}

TEST_CASE("this process is found among the holders of what it holds")
{
    // A queue need not be visible in the process that holds it; a segment is.
    if (!applies() || !subject().segment() || !subject().inspect()->claim)
        return;
    for (const ipc::MappingSource source : {ipc::MappingSource::query, ipc::MappingSource::text}) {
        if (source == ipc::MappingSource::query && !ipc::has_mapping_query())
            continue;
        FreshAddress address;
        Held held(*address);
        ipc::ProcessPass pass;
        pass.mappings = source;
        auto object = ipc::look_at(held.address(), pass);
        REQUIRE(object.ok());
        CHECK(std::any_of(object->holders.begin(), object->holders.end(), [](const ipc::Holder &holder) {
            return holder.process == ::getpid() && holder.mappings == 1 && holder.access == (IPC_READ | IPC_WRITE);
        }));
        CHECK(object->state == ipc::State::in_use);
        CHECK(object->hidden == 0);
    }
}

TEST_CASE("what somebody has is not removed as unused, and what nobody has is")
{
    if (!applies() || !subject().descriptor().remove_unused)
        return;
    FreshAddress address;
    std::optional<Held> held(*address);
    const ipc::Address name = held->address();
    const ipc_identity identity = held->identity();
    const ipc::CrossingAddress crossing(name);
    const auto remove = [&](std::uint32_t trial) {
        const int code = code_of(ipc::call(subject().descriptor().remove_unused, crossing.get(), &identity, trial));
        return code == ENOTSUP ? std::nullopt : std::optional(code); // where it cannot be found out
    };
    const bool is_told = remove(1).has_value();
    for (const std::uint32_t trial : {1u, 0u})
        CHECK(remove(trial).value_or(EBUSY) == EBUSY);
    CHECK(looked_at(name));
    held.reset();
    CHECK(remove(1).value_or(0) == 0);
    CHECK(looked_at(name));
    CHECK(remove(0).value_or(0) == 0);
    CHECK(looked_at(name).has_value() != is_told);
}

TEST_CASE("parties are of this mechanism's objects, have a role and are somebody or have a name")
{
    if (!applies() || !subject().inspect()->parties)
        return;
    FreshAddress address;
    Held held(*address);
    auto parties = ipc::call(
        subject().inspect()->parties,
        +[](void *, const ipc_party *party) {
            CHECK(party->size >= sizeof *party);
            CHECK(party->role <= IPC_ROLE_WAITS_TO_LOCK);
            CHECK(party->role != IPC_ROLE_HOLDER);
            CHECK(party->identity.number + party->identity.device + party->identity.space != 0);
            CHECK((party->process > 0 || party->thread > 0 || party->name));
            return 0;
        },
        static_cast<void *>(nullptr));
    CHECK(parties.ok());
}

TEST_CASE("who has a semaphore locked is told, and nobody when it is unlocked")
{
    if (!applies() || !subject().semaphore())
        return;
    FreshAddress address;
    Held held(*address);
    const auto has_locked = [&] {
        auto object = ipc::look_at(held.address(), {});
        REQUIRE(object.ok());
        CHECK(object->facts.value == (held.semaphore->status()->value));
        return std::any_of(object->parties.begin(), object->parties.end(), [](const ipc::Party &party) {
            return party.has_locked() && party.process == ::getpid() && party.offset == IPC_UNKNOWN;
        });
    };
    CHECK_FALSE(has_locked());
    REQUIRE(held.semaphore->lock(0, false, 0).ok());
    CHECK(has_locked());
    REQUIRE(held.semaphore->unlock().ok());
    CHECK_FALSE(has_locked());
}

TEST_CASE("limits have a name, a meaning, and are not exceeded")
{
    if (!applies() || !subject().inspect()->limits)
        return;
    auto limits = ipc::call(
        subject().inspect()->limits,
        +[](void *, const ipc_limit *limit) {
            CHECK(is_sentence(limit->name));
            CHECK(is_sentence(limit->meaning));
            if (limit->limit != IPC_UNKNOWN && limit->used != IPC_UNKNOWN)
                CHECK(limit->used <= limit->limit);
            return 0;
        },
        static_cast<void *>(nullptr));
    CHECK(limits.ok());
}
