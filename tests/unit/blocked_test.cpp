// SPDX-License-Identifier: MIT
#include "blocked.hpp"
#include "catch.hpp"
#include "cycles.hpp"
#include "fake_plugin.hpp"

#include <string>
#include <vector>

namespace {

using Numbers = std::vector<std::size_t>;

const ipc::FakePlugin plugin("fake", ipc::FakePlugin::Kind::segment);

ipc::Party has_locked(std::int64_t process, std::int64_t thread = 0, std::uint64_t offset = IPC_UNKNOWN)
{
    return {.role = IPC_ROLE_HAS_LOCKED, .process = process, .thread = thread, .offset = offset};
}

ipc::Party waits(std::int64_t process, std::int64_t thread = 0, std::uint64_t offset = IPC_UNKNOWN)
{
    return {.role = IPC_ROLE_WAITS_TO_LOCK, .process = process, .thread = thread, .offset = offset};
}

ipc::Object object_with(std::vector<ipc::Party> parties, std::uint64_t threads = 1)
{
    ipc::Object object;
    object.plugin = &plugin.plugin;
    for (const ipc::Party &party : parties)
        if (!ipc::find_holder(object, party.process)) {
            ipc::Holder &holder = object.holders.emplace_back();
            holder.process = party.process;
            holder.parent = party.process + 1;
            holder.threads = threads;
        }
    object.parties = std::move(parties);
    return object;
}

bool no_parents(std::int64_t) { return false; }

Numbers cycles_of(const std::vector<ipc::Object> &objects, bool (*waits_for_child)(std::int64_t) = no_parents)
{
    Numbers cycles;
    for (const ipc::Blocked &blocked : ipc::find_blocked(objects, waits_for_child))
        cycles.push_back(blocked.cycle);
    return cycles;
}

} // namespace

TEST_CASE("nodes of a cycle have its number, others none")
{
    CHECK(ipc::find_cycles({}).empty());
    CHECK(ipc::find_cycles({{1}, {2}, {}}) == Numbers{0, 0, 0});
    CHECK(ipc::find_cycles({{1}, {0}, {0}}) == Numbers{1, 1, 0});
    CHECK(ipc::find_cycles({{1}, {2}, {0}, {4}, {3}, {3}}) == Numbers{1, 1, 1, 2, 2, 0});
    CHECK(ipc::find_cycles({{0}}) == Numbers{0});
    CHECK(ipc::find_cycles({{1}, {0, 2}, {1}}) == Numbers{1, 1, 1});
}

TEST_CASE("a long chain that closes is one cycle and needs no deep stack")
{
    constexpr std::size_t length = 300'000;
    ipc::Edges edges(length);
    for (std::size_t node = 0; node < length; node++)
        edges[node] = {(node + 1) % length};
    CHECK(ipc::find_cycles(edges) == Numbers(length, 1));
    edges[length - 1].clear();
    CHECK(ipc::find_cycles(edges) == Numbers(length, 0));
}

TEST_CASE("two that wait for each other are a cycle, who waits for one of them is none")
{
    CHECK(cycles_of({object_with({has_locked(10), waits(20)}), object_with({has_locked(20), waits(10), waits(30)})}) ==
          Numbers{1, 1, 0});
    CHECK(cycles_of({object_with({has_locked(10), waits(20)}), object_with({has_locked(20), waits(30)})}) ==
          Numbers{0, 0});
}

TEST_CASE("who has it is told of the part that is waited for alone")
{
    const std::vector<ipc::Object> objects = {
        object_with({has_locked(10, 0, 0), has_locked(20, 0, 64), waits(30, 0, 64), waits(40)})};
    const std::vector<ipc::Blocked> blocked = ipc::find_blocked(objects, no_parents);
    REQUIRE(blocked.size() == 2);
    REQUIRE(blocked[0].held_by->size() == 1);
    CHECK(blocked[0].held_by->front()->process == 20);
    CHECK(blocked[1].held_by->size() == 2);
}

TEST_CASE("of threads that are known only the one that waits closes a cycle")
{
    const auto with_thread = [](std::int64_t thread) {
        return cycles_of(
            {object_with({has_locked(10, thread), waits(20, 20)}), object_with({has_locked(20, 20), waits(10, 11)})});
    };
    CHECK(with_thread(11) == Numbers{1, 1});
    CHECK(with_thread(12) == Numbers{0, 0});
    CHECK(with_thread(0) == Numbers{1, 1});
}

TEST_CASE("a process that waits for what it has locked itself is a cycle, unless another thread may unlock it")
{
    CHECK(cycles_of({object_with({has_locked(10), waits(10)})}) == Numbers{1});
    CHECK(cycles_of({object_with({has_locked(10), waits(10, 11)}, 2)}) == Numbers{0});
    CHECK(cycles_of({object_with({has_locked(10, 11), waits(10, 11)}, 2)}) == Numbers{1});
}

TEST_CASE("where any of several may go on it takes all of them to make a cycle")
{
    ipc::FakePlugin slots("slots", ipc::FakePlugin::Kind::segment);
    slots.offer_semaphores(IPC_SEMAPHORE_SLOTS);
    ipc::Object gate = object_with({has_locked(10), has_locked(20), waits(30)});
    const ipc::Object other = object_with({has_locked(30), waits(10)});
    CHECK(cycles_of({gate, other}) == Numbers{1, 1});
    gate.plugin = &slots.plugin;
    CHECK(cycles_of({gate, other}) == Numbers{0, 0});
    CHECK(cycles_of({gate, other, object_with({has_locked(30), waits(20)})}) == Numbers{1, 1, 1});
}

TEST_CASE("who waits for a child that waits is blocked as well")
{
    // The parent of 10 is 11, that of 20 is 21.
    const std::vector<ipc::Object> objects = {object_with({has_locked(11), waits(20)}),
                                              object_with({has_locked(21), waits(10)})};
    CHECK(cycles_of(objects) == Numbers{0, 0});
    CHECK(cycles_of(objects, [](std::int64_t process) { return process == 11 || process == 21; }) == Numbers{1, 1});
}
