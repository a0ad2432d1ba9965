// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "error.hpp"
#include "fake_plugin.hpp"
#include "inventory.hpp"
#include "parties.hpp"
#include "removal.hpp"
#include "selection.hpp"
#include "snapshot.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::uint64_t here = 1001, elsewhere = 1002; // IPC namespaces
constexpr std::uint64_t internal_device = 1;

ipc_object plain(const char *name, ipc_identity identity)
{
    ipc_object object;
    ipc_object_clear(&object);
    object.name = name;
    object.identity = identity;
    return object;
}

/// What the fake mechanisms list; a test sets it.
std::vector<ipc_object> numbered_objects, filed_objects;
std::vector<ipc_party> told_parties;

int emit_all(const std::vector<ipc_object> &objects, ipc_emit_object emit, void *context)
{
    for (const ipc_object &object : objects)
        if (emit(context, &object))
            break;
    return 0;
}

int look_among(const std::vector<ipc_object> &objects, const ipc_address *address, ipc_emit_object emit, void *context,
               ipc_error *error)
{
    for (const ipc_object &object : objects)
        if (std::string_view(object.name) == address->name)
            return emit(context, &object), 0;
    *error = ipc::Error::of(ENOENT, "there is none of that name").raw();
    return -ENOENT;
}

/// Objects numbered per namespace, as System V's are: a mapping's name says the kind.
constexpr ipc_inspect_v1 numbered = {
    .size = sizeof(ipc_inspect_v1),
    .claims = 0,
    .list = [](ipc_emit_object emit, void *context, ipc_error *) { return emit_all(numbered_objects, emit, context); },
    .look = [](const ipc_address *address, ipc_emit_object emit, void *context,
               ipc_error *error) { return look_among(numbered_objects, address, emit, context, error); },
    .claim =
        [](const ipc_sight *sight, ipc_claim *claim) {
            if (sight->kind == IPC_SIGHT_CALL) {
                claim->role = IPC_ROLE_WAITS_TO_SEND;
                claim->identity = {sight->ipc_namespace, 0, sight->arguments[0], IPC_NO_TIME};
                return 1;
            }
            claim->identity = {sight->ipc_namespace, 0, sight->inode, IPC_NO_TIME};
            return std::string_view(sight->path).starts_with("/NUM") ? 1 : 0;
        },
    .describe = nullptr,
    .limits = nullptr,
    .parties = nullptr,
};

/// Objects that are files. Nameless ones are found by their holders.
constexpr ipc_inspect_v1 filed = {
    .size = sizeof(ipc_inspect_v1),
    .claims = 0,
    .list = [](ipc_emit_object emit, void *context, ipc_error *) { return emit_all(filed_objects, emit, context); },
    .look = [](const ipc_address *address, ipc_emit_object emit, void *context,
               ipc_error *error) { return look_among(filed_objects, address, emit, context, error); },
    .claim =
        [](const ipc_sight *sight, ipc_claim *claim) {
            if (sight->kind == IPC_SIGHT_CALL) {
                claim->role = IPC_ROLE_WAITS_TO_RECEIVE;
                claim->descriptor = static_cast<std::int64_t>(sight->arguments[0]);
                return 1;
            }
            claim->identity = {0, sight->device, sight->inode, IPC_NO_TIME};
            return std::string_view(sight->path).starts_with("/file") ? 1 : 0;
        },
    .describe =
        [](const ipc_sight *sight, ipc_emit_object emit, void *context) {
            const bool by_range = std::string_view(sight->path) == "/file by range";
            if (sight->kind != IPC_SIGHT_DESCRIPTOR && !by_range) // a mapping does not tell enough
                return 1;
            const char *name = !by_range ? "/gone" : sight->kind == IPC_SIGHT_MAPPING ? "1/1000-2000" : "1/5";
            if (by_range && sight->kind == IPC_SIGHT_DESCRIPTOR && !sight->described)
                return 1;
            ipc_object object = plain(name, {0, sight->device, sight->inode, IPC_NO_TIME});
            object.flags = IPC_OBJECT_REMOVED;
            emit(context, &object);
            return 0;
        },
    .limits =
        [](ipc_emit_limit emit, void *context, ipc_error *) {
            ipc_limit limit = {sizeof limit, IPC_UNIT_BYTES, "fake.limit", "bytes", 100, 7};
            limit.size = offsetof(ipc_limit, used); // of an older plugin
            emit(context, &limit);
            return 0;
        },
    .parties =
        [](ipc_emit_party emit, void *context, ipc_error *) {
            for (const ipc_party &party : told_parties)
                emit(context, &party);
            return 0;
        },
};

/// Of the file of that inode.
ipc_party told(std::uint64_t inode, std::int64_t process)
{
    ipc_party party;
    ipc_party_clear(&party);
    party.role = IPC_ROLE_HAS_LOCKED;
    party.identity = {0, internal_device, inode, IPC_NO_TIME};
    party.process = process;
    return party;
}

ipc_sight sight(std::uint32_t kind, const char *path, std::uint64_t inode)
{
    ipc_sight seen = {};
    seen.size = sizeof seen;
    seen.kind = kind;
    seen.access = IPC_READ;
    seen.process = getpid();
    seen.ipc_namespace = here;
    seen.device = internal_device;
    seen.inode = inode;
    seen.path = path;
    return seen;
}

/// The fake mechanisms, listed and ready for sights.
struct Fixture {
    ipc::FakePlugin numbers{"fake-num", ipc::FakePlugin::Kind::segment, numbered};
    ipc::FakePlugin files{"fake-file", ipc::FakePlugin::Kind::queue, filed};
    ipc::Inventory inventory;

    void list()
    {
        for (const ipc::FakePlugin *fake : {&numbers, &files}) {
            inventory.add_plugin(fake->plugin);
            REQUIRE(inventory.list(fake->plugin).ok());
        }
    }
    ipc::Object &object(std::string_view name)
    {
        for (ipc::Object &object : inventory.objects())
            if (object.address.name == name)
                return object;
        FAIL("no object " << name);
        return inventory.objects().front();
    }
    ~Fixture()
    {
        numbered_objects.clear();
        filed_objects.clear();
        told_parties.clear();
    }
};

pid_t dead_process()
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, nullptr, 0);
    return child;
}

std::int64_t now() { return std::time(nullptr) * std::int64_t{1'000'000'000}; }

} // namespace

TEST_CASE_METHOD(Fixture, "one device and inode in two mechanisms are two objects")
{
    numbered_objects = {plain("n", {here, 0, 77, 0})};
    filed_objects = {plain("f", {0, internal_device, 77, 0})};
    list();
    inventory.see(sight(IPC_SIGHT_MAPPING, "/NUM00000001", 77));
    inventory.settle(ipc::Coverage::whole);
    CHECK(object("n").holders.size() == 1);
    CHECK(object("n").state == ipc::State::in_use);
    CHECK(object("f").holders.empty());
    CHECK(object("f").state == ipc::State::idle);
}

TEST_CASE_METHOD(Fixture, "one number in two namespaces is two objects")
{
    numbered_objects = {plain("n", {here, 0, 5, 0})};
    list();
    ipc_sight other = sight(IPC_SIGHT_MAPPING, "/NUM00000001", 5);
    other.ipc_namespace = elsewhere;
    inventory.see(other);
    inventory.settle(ipc::Coverage::whole);
    CHECK(object("n").holders.empty());
}

TEST_CASE_METHOD(Fixture, "mappings, descriptors and access of a process are one holder")
{
    filed_objects = {plain("f", {0, internal_device, 9, 0})};
    list();
    inventory.see(sight(IPC_SIGHT_MAPPING, "/file", 9));
    inventory.see(sight(IPC_SIGHT_MAPPING, "/file", 9));
    ipc_sight writing = sight(IPC_SIGHT_DESCRIPTOR, "/file", 9);
    writing.access = IPC_WRITE;
    inventory.see(writing);
    inventory.settle(ipc::Coverage::whole);
    REQUIRE(object("f").holders.size() == 1);
    const ipc::Holder &holder = object("f").holders[0];
    CHECK(holder.process == getpid());
    CHECK(holder.mappings == 2);
    CHECK(holder.descriptors == 1);
    CHECK(holder.access == (IPC_READ | IPC_WRITE));
    CHECK(holder.user == geteuid());
    CHECK(holder.start != 0);
    CHECK_FALSE(holder.command.empty());
}

TEST_CASE_METHOD(Fixture, "a call on a descriptor waits on what that process has there")
{
    filed_objects = {plain("f", {0, internal_device, 9, 0})};
    list();
    ipc_sight open = sight(IPC_SIGHT_DESCRIPTOR, "/file", 9);
    open.number = 4;
    ipc_sight call = sight(IPC_SIGHT_CALL, "", 0);
    call.arguments[0] = 4;
    SECTION("its own")
    {
        inventory.see(open);
        inventory.see(call);
        inventory.settle(ipc::Coverage::whole);
        REQUIRE(object("f").holders.size() == 1);
        CHECK(object("f").holders[0].waits_to_receive);
        CHECK(object("f").holders[0].access == IPC_READ);
    }
    SECTION("another process's descriptor of the same number is not meant")
    {
        open.process = getppid();
        inventory.see(open);
        inventory.see(call);
        inventory.settle(ipc::Coverage::whole);
        REQUIRE(object("f").holders.size() == 1);
        CHECK_FALSE(object("f").holders[0].waits_to_receive);
    }
}

TEST_CASE_METHOD(Fixture, "who is told to have an object locked is believed if he holds it, or for certain")
{
    filed_objects = {plain("f", {0, internal_device, 9, 0})};
    list();
    told_parties = {told(9, getpid())};
    SECTION("not if he does not hold it") { told_parties[0].process = getpid(); }
    SECTION("if he does") { inventory.see(sight(IPC_SIGHT_DESCRIPTOR, "/file", 9)); }
    SECTION("by his thread")
    {
        told_parties[0].thread = std::exchange(told_parties[0].process, 0);
        inventory.see(sight(IPC_SIGHT_DESCRIPTOR, "/file", 9));
    }
    SECTION("for certain") { told_parties[0].flags = IPC_PARTY_CERTAIN; }
    SECTION("not if there is no such process")
    {
        told_parties[0].process = INT32_MAX;
        told_parties[0].flags = IPC_PARTY_CERTAIN;
    }
    const bool expected =
        inventory.objects()[0].holders.size() == 1 || (told_parties[0].flags && told_parties[0].process == getpid());
    REQUIRE(inventory.ask_parties(files.plugin).ok());
    inventory.settle(ipc::Coverage::whole);
    REQUIRE(object("f").parties.size() == (expected ? 1 : 0));
    CHECK(object("f").holders.size() == (expected ? 1 : 0));
    if (expected) {
        CHECK(object("f").parties[0].process == getpid());
        CHECK(object("f").holders[0].has_locked);
    }
}

TEST_CASE_METHOD(Fixture, "a party's object that nothing else shows is listed by the party's name, in use")
{
    list();
    told_parties = {told(77, 0), told(77, 0), told(78, 0)};
    told_parties[0].name = told_parties[1].name = "device:77";
    REQUIRE(inventory.ask_parties(files.plugin).ok());
    inventory.settle(ipc::Coverage::whole);
    REQUIRE(inventory.objects().size() == 1);
    CHECK(object("device:77").state == ipc::State::in_use);
    CHECK(object("device:77").parties.empty());
}

TEST_CASE("what is told twice of a thread is one party that knows both")
{
    const ipc::Party by_table{.role = IPC_ROLE_WAITS_TO_LOCK, .process = 5, .offset = 100};
    const ipc::Party by_call{.role = IPC_ROLE_WAITS_TO_LOCK, .process = 5, .thread = 6};
    const ipc::Party another{.role = IPC_ROLE_WAITS_TO_LOCK, .process = 5, .thread = 7};
    const ipc::Party locker{.process = 5};
    std::vector<ipc::Party> parties = {by_call, locker, by_table, another, by_call};
    ipc::merge_parties(parties);
    REQUIRE(parties.size() == 3);
    const auto of_six =
        std::find_if(parties.begin(), parties.end(), [](const ipc::Party &party) { return party.thread == 6; });
    REQUIRE(of_six != parties.end());
    CHECK(of_six->offset == 100);
    CHECK(std::count_if(parties.begin(), parties.end(), [](const ipc::Party &party) { return party.has_locked(); }) ==
          1);
}

TEST_CASE_METHOD(Fixture, "a process blocked on an object uses it")
{
    numbered_objects = {plain("n", {here, 0, 3, 0})};
    list();
    ipc_sight call = sight(IPC_SIGHT_CALL, "", 0);
    call.arguments[0] = 3;
    inventory.see(call);
    inventory.settle(ipc::Coverage::whole);
    REQUIRE(object("n").holders.size() == 1);
    CHECK(object("n").holders[0].waits_to_send);
    CHECK(object("n").holders[0].access == 0);
    CHECK(object("n").state == ipc::State::in_use);
}

TEST_CASE_METHOD(Fixture, "an object without a name is found by a sight that tells enough, with all its holders")
{
    list();
    inventory.see(sight(IPC_SIGHT_MAPPING, "/file (deleted)", 12));
    CHECK(inventory.objects().empty());
    ipc_sight other = sight(IPC_SIGHT_DESCRIPTOR, "/file (deleted)", 12);
    other.process = getppid();
    inventory.see(other);
    inventory.see(other);
    inventory.settle(ipc::Coverage::whole);
    REQUIRE(inventory.objects().size() == 1);
    CHECK(object("/gone").state == ipc::State::removed);
    CHECK(object("/gone").holders.size() == 2);
}

TEST_CASE_METHOD(Fixture,
                 "what was described from a mapping is described once more from a descriptor, and stays one object")
{
    list();
    ipc_sight mapping = sight(IPC_SIGHT_MAPPING, "/file by range", 13);
    mapping.page_size = 4096;
    const ipc_sight open = sight(IPC_SIGHT_DESCRIPTOR, "/file by range", 13);
    SECTION("a descriptor alone was not worth it")
    {
        inventory.see(open);
        CHECK(inventory.objects().empty());
    }
    SECTION("a mapping alone was")
    {
        inventory.see(mapping);
        REQUIRE(inventory.objects().size() == 1);
        CHECK(inventory.objects()[0].address.name == "1/1000-2000");
        inventory.see(mapping);
        CHECK(inventory.objects().size() == 1);
    }
    SECTION("the descriptor takes its place, with the same holders and what the mapping told")
    {
        inventory.see(mapping);
        inventory.see(open);
        inventory.see(open);
        inventory.settle(ipc::Coverage::whole);
        REQUIRE(inventory.objects().size() == 1);
        const ipc::Object &better = object("1/5");
        REQUIRE(better.holders.size() == 1);
        CHECK(better.holders[0].mappings == 1);
        CHECK(better.holders[0].descriptors == 2);
        CHECK(better.facts.page_size == 4096);
    }
}

TEST_CASE_METHOD(Fixture, "an object that is listed or was asked for keeps its name whatever holds it")
{
    filed_objects = {plain("f", {0, internal_device, 13, 0})};
    list();
    inventory.see(sight(IPC_SIGHT_MAPPING, "/file by range", 13));
    inventory.see(sight(IPC_SIGHT_DESCRIPTOR, "/file by range", 13));
    REQUIRE(inventory.objects().size() == 1);
    CHECK(inventory.objects()[0].address.name == "f");
}

TEST_CASE_METHOD(Fixture, "a holder that has ended is none")
{
    filed_objects = {plain("f", {0, internal_device, 9, 0})};
    list();
    ipc_sight seen = sight(IPC_SIGHT_DESCRIPTOR, "/file", 9);
    seen.process = dead_process();
    inventory.see(seen);
    inventory.settle(ipc::Coverage::whole);
    CHECK(object("f").holders.empty());
    CHECK(object("f").state == ipc::State::idle);
}

TEST_CASE_METHOD(Fixture, "two names of one object have the same holders")
{
    filed_objects = {plain("a", {0, internal_device, 9, 0}), plain("b", {0, internal_device, 9, 0})};
    list();
    inventory.see(sight(IPC_SIGHT_DESCRIPTOR, "/file", 9));
    inventory.settle(ipc::Coverage::whole);
    CHECK(object("a").holders.size() == 1);
    CHECK(object("b").holders.size() == 1);
}

TEST_CASE_METHOD(Fixture, "mappings that the kernel counts and nobody was found for are hidden")
{
    numbered_objects = {plain("n", {here, 0, 5, 0}), plain("m", {here, 0, 6, 0})};
    for (ipc_object &object : numbered_objects)
        object.attached = 3;
    numbered_objects[0].flags = IPC_OBJECT_COUNTED;
    list();
    inventory.see(sight(IPC_SIGHT_MAPPING, "/NUM00000001", 5));
    SECTION("after a pass")
    {
        inventory.settle(ipc::Coverage::whole);
        CHECK(object("n").hidden == 2);
        CHECK(object("m").hidden == 0);
        CHECK(object("m").state == ipc::State::in_use);
    }
    SECTION("not without one")
    {
        inventory.settle(ipc::Coverage::none);
        CHECK(object("n").hidden == 0);
    }
}

TEST_CASE_METHOD(Fixture, "who holds what nobody was found for is unknown where some could not be looked into")
{
    numbered_objects = {plain("n", {here, 0, 5, 0}), plain("m", {here, 0, 6, 0}), plain("o", {here, 0, 7, 0}),
                        plain("p", {here, 0, 8, 0})};
    numbered_objects[0].flags = IPC_OBJECT_COUNTED;
    numbered_objects[0].attached = 0;
    numbered_objects[2].creator = static_cast<std::uint64_t>(dead_process());
    numbered_objects[2].changed = now();
    list();
    inventory.see(sight(IPC_SIGHT_MAPPING, "/NUM00000001", 8));
    const auto [coverage, dead] = GENERATE(std::pair(ipc::Coverage::whole, ipc::State::orphan),
                                           std::pair(ipc::Coverage::partial, ipc::State::unknown),
                                           std::pair(ipc::Coverage::none, ipc::State::unknown));
    inventory.settle(coverage);
    CHECK(object("n").state == ipc::State::idle);
    CHECK(object("m").state == (coverage == ipc::Coverage::whole ? ipc::State::idle : ipc::State::unknown));
    CHECK(object("o").state == dead);
    CHECK(object("p").state == ipc::State::in_use);
}

TEST_CASE_METHOD(Fixture, "an orphan's creator is proven dead, whatever the clock says")
{
    numbered_objects = {plain("dead", {here, 0, 1, 0}),      plain("alive", {here, 0, 2, 0}),
                        plain("reused", {here, 0, 3, 0}),    plain("unknown", {here, 0, 4, 0}),
                        plain("invisible", {here, 0, 5, 0}), plain("held", {here, 0, 6, 0})};
    for (ipc_object &object : numbered_objects)
        object.changed = now();
    const std::uint64_t dead = static_cast<std::uint64_t>(dead_process());
    numbered_objects[0].creator = dead;
    numbered_objects[1].creator = static_cast<std::uint64_t>(getpid());
    numbered_objects[2].creator = static_cast<std::uint64_t>(getpid());
    numbered_objects[2].changed = 1'000'000'000; // long before this process began
    numbered_objects[4].creator = 0;
    numbered_objects[5].creator = dead;
    numbered_objects[5].attached = 1;
    list();
    inventory.settle(ipc::Coverage::whole);
    CHECK(object("dead").state == ipc::State::orphan);
    CHECK(object("alive").state == ipc::State::idle);
    CHECK(object("reused").state == ipc::State::idle); // or the clock was set: nobody knows
    CHECK(object("unknown").state == ipc::State::idle);
    CHECK(object("invisible").state == ipc::State::idle);
    CHECK(object("held").state == ipc::State::in_use);
}

TEST_CASE_METHOD(Fixture, "whose last user lives or is not visible, or what was made to last, is no orphan")
{
    numbered_objects = {plain("left", {here, 0, 1, 0}), plain("used", {here, 0, 2, 0}),
                        plain("unseen", {here, 0, 3, 0}), plain("kept", {here, 0, 4, 0})};
    const std::uint64_t dead = static_cast<std::uint64_t>(dead_process());
    for (ipc_object &object : numbered_objects) {
        object.flags = IPC_OBJECT_USERS;
        object.creator = object.last_in = object.last_out = dead;
    }
    numbered_objects[1].last_in = static_cast<std::uint64_t>(getpid());
    numbered_objects[2].flags |= IPC_OBJECT_UNSEEN;
    numbered_objects[3].flags |= IPC_OBJECT_KEPT;
    numbers.set_remove([](const ipc_address *, const ipc_identity *, ipc_error *) { return 0; });
    list();
    inventory.settle(ipc::Coverage::whole);
    CHECK(object("left").state == ipc::State::orphan);
    CHECK(object("used").state == ipc::State::unknown);
    CHECK(object("unseen").state == ipc::State::unknown);
    CHECK(object("kept").state == ipc::State::idle);
    CHECK(ipc::remove_object(object("left"), {}).ok());
    CHECK(ipc::remove_object(object("kept"), {}).ok());
    CHECK_THAT(ipc::remove_object(object("used"), {}).error().text(), ContainsSubstring(std::to_string(getpid())));
    CHECK_THAT(ipc::remove_object(object("unseen"), {}).error().text(), ContainsSubstring("not visible from here"));
    CHECK(ipc::remove_object(object("used"), {.force = true}).ok());
}

TEST_CASE_METHOD(Fixture,
                 "who is written down with the number of another process namespace counts until he is proven dead")
{
    filed_objects = {plain("f", {0, internal_device, 9, 0})};
    list();
    told_parties = {told(9, 1)};
    told_parties[0].flags = IPC_PARTY_CERTAIN;
    told_parties[0].space = 7; // the inode of none
    files.set_remove([](const ipc_address *, const ipc_identity *, ipc_error *) { return 0; });
    REQUIRE(inventory.ask_parties(files.plugin).ok());
    SECTION("who sees not all")
    {
        inventory.settle(ipc::Coverage::partial, "one may not be seen");
        CHECK(object("f").holders.empty());
        CHECK(object("f").state == ipc::State::unknown);
        CHECK_THAT(ipc::remove_object(object("f"), {}).error().text(),
                   ContainsSubstring("process 1 of another process namespace"));
    }
    SECTION("who sees all")
    {
        inventory.settle(ipc::Coverage::whole);
        CHECK(object("f").state == ipc::State::idle);
        CHECK(ipc::remove_object(object("f"), {}).ok());
    }
}

TEST_CASE_METHOD(Fixture, "what a mechanism cannot prove unused is not removed where not all could be seen")
{
    filed_objects = {plain("f", {0, internal_device, 9, 0})};
    files.set_remove([](const ipc_address *, const ipc_identity *, ipc_error *) { return 0; });
    list();
    inventory.settle(ipc::Coverage::partial, "3 of 5 processes could not be looked into");
    const auto refused = ipc::remove_object(object("f"), {});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code() == EBUSY);
    CHECK_THAT(refused.error().text(), ContainsSubstring("3 of 5 processes could not be looked into"));
    CHECK(ipc::remove_object(object("f"), {.force = true}).ok());
}

TEST_CASE_METHOD(Fixture, "what an older plugin's record lacks is unknown, and a record without a name is left out")
{
    ipc_object small = plain("n", {here, 0, 1, 0});
    small.size = offsetof(ipc_object, swapped);
    small.used = 12;
    small.swapped = 99; // not the plugin's
    ipc_object nameless = plain(nullptr, {here, 0, 2, 0});
    numbered_objects = {small, nameless};
    list();
    REQUIRE(inventory.objects().size() == 1);
    CHECK(object("n").facts.used == 12);
    CHECK(object("n").facts.swapped == IPC_UNKNOWN);
    CHECK(object("n").facts.changed == IPC_NO_TIME);
    CHECK(object("n").facts.name == nullptr);
}

TEST_CASE_METHOD(Fixture, "a snapshot is sorted and narrowed by addresses and patterns")
{
    numbered_objects = {plain("b", {here, 0, 1, 0}), plain("a/1", {here, 0, 2, 0})};
    filed_objects = {plain("a/1", {0, 50, 1, 0}), plain("with blank", {0, 50, 2, 0})};
    const std::vector<ipc::FoundPlugin> plugins = {numbers.found(), files.found()};
    const auto addresses = [&](std::vector<std::string> patterns, std::string_view capability = {}) {
        ipc::SnapshotRequest request;
        request.capability = capability;
        request.patterns = std::move(patterns);
        request.holders = false;
        std::vector<std::string> texts;
        const ipc::Snapshot snapshot = ipc::take_snapshot(plugins, request);
        for (const ipc::Object &object : snapshot.objects)
            texts.push_back(object.address.text());
        for (const ipc::Unmatched &unmatched : snapshot.unmatched)
            texts.push_back("not " + unmatched.pattern);
        return texts;
    };
    using Texts = std::vector<std::string>;
    CHECK(addresses({}) == Texts{"fake-file:a/1", "fake-file:with%20blank", "fake-num:a/1", "fake-num:b"});
    CHECK(addresses({}, IPC_QUEUE_1) == Texts{"fake-file:a/1", "fake-file:with%20blank"});
    CHECK(addresses({"fake-num:*"}) == Texts{"fake-num:a/1", "fake-num:b"});
    CHECK(addresses({"fake:a*"}) == Texts{"fake-file:a/1", "fake-num:a/1"});
    CHECK(addresses({"fake-n*:b", "*blank"}) == Texts{"fake-file:with%20blank", "fake-num:b"});
    CHECK(addresses({"a/1"}) == Texts{"fake-file:a/1", "fake-num:a/1"});
    CHECK(addresses({"fake-num:b", "fake-num:b"}) == Texts{"fake-num:b"});
    CHECK(addresses({"fake-num:b", "fake-num:*"}) == Texts{"fake-num:a/1", "fake-num:b"});
    CHECK(addresses({"fake-file:with%20blank"}) == Texts{"fake-file:with%20blank"});
    CHECK(addresses({"fake-file:with blank"}) == Texts{"fake-file:with%20blank"});
    CHECK(addresses({"fake-num:c", "fake-num:b"}) == Texts{"fake-num:b", "not fake-num:c"});
    CHECK(addresses({"x*"}) == Texts{"not x*"});
}

TEST_CASE_METHOD(Fixture, "an object with two names is listed once by each, however it is asked for")
{
    filed_objects = {plain("a", {0, 50, 1, 0}), plain("b", {0, 50, 1, 0})};
    for (const std::vector<std::string> &patterns :
         {std::vector<std::string>{"fake-file:b", "fake-file:*"}, {"fake-file:b", "fake-file:a", "fake-file:b"}}) {
        ipc::SnapshotRequest request;
        request.patterns = patterns;
        request.holders = false;
        CHECK(ipc::take_snapshot({files.found()}, request).objects.size() == 2);
    }
}

TEST_CASE_METHOD(Fixture, "a pattern must name a mechanism that there is")
{
    const std::vector<ipc::FoundPlugin> plugins = {
        numbers.found(), files.found(), {"broken", "/ipc-broken.so", nullptr, "plugin refused: why"}};
    const auto check = [&](std::string_view text, std::string_view capability = {}) {
        return ipc::check_selectors({ipc::Selector(text)}, plugins, capability);
    };
    CHECK(check("fake-num:x").ok());
    CHECK(check("fake:x").ok());
    CHECK(check("*:x").ok());
    CHECK(check("x").ok());
    REQUIRE_FALSE(check("fake-nun:x").ok());
    CHECK(check("fake-nun:x").error().code() == ipc::usage_code);
    CHECK_THAT(check("fake-nun:x").error().text(), ContainsSubstring("fake-num"));
    CHECK_THAT(check("broken:x").error().text(), ContainsSubstring("refused: why"));
    CHECK_THAT(check("fake-num:x", IPC_QUEUE_1).error().text(), ContainsSubstring("offers no queue"));
}

TEST_CASE_METHOD(Fixture, "limits of an older plugin have what it knows")
{
    ipc::SnapshotRequest request;
    request.objects = false;
    request.limits = true;
    const ipc::Snapshot snapshot = ipc::take_snapshot({files.found(), numbers.found()}, request);
    REQUIRE(snapshot.limits.size() == 1);
    CHECK(snapshot.limits[0].mechanism == "fake-file");
    CHECK(snapshot.limits[0].limit == 100);
    CHECK(snapshot.limits[0].used == IPC_UNKNOWN);
    CHECK(snapshot.limits[0].bytes);
}

TEST_CASE_METHOD(Fixture, "notices of plugins land in the snapshot, each once, and the handler is put back")
{
    std::vector<std::string> outside;
    const ipc::NoticeHandler before =
        ipc::set_notice_handler([&](std::string_view text) { outside.emplace_back(text); });
    const ipc::FakePlugin telling("fake-telling", ipc::FakePlugin::Kind::queue,
                                  {.size = sizeof(ipc_inspect_v1),
                                   .claims = 0,
                                   .list =
                                       [](ipc_emit_object, void *, ipc_error *error) {
                                           ipc::notice("half is hidden");
                                           ipc::notice("half is hidden");
                                           *error = ipc::Error::of(EIO, "the rest failed").raw();
                                           return -EIO;
                                       },
                                   .look = filed.look,
                                   .claim = nullptr,
                                   .describe = nullptr,
                                   .limits = nullptr,
                                   .parties = nullptr});
    ipc::SnapshotRequest request;
    request.holders = false;
    const ipc::Snapshot snapshot = ipc::take_snapshot({telling.found()}, request);
    CHECK(snapshot.notices == std::vector<std::string>{"half is hidden"});
    CHECK(snapshot.failures == std::vector<std::string>{"fake-telling: the rest failed"});
    CHECK(outside.empty());
    ipc::notice("after");
    CHECK(outside == std::vector<std::string>{"after"});
    ipc::set_notice_handler(before);
}

namespace {

std::vector<std::int64_t> births_removed;

int record_removal(const ipc_address *, const ipc_identity *expected, ipc_error *)
{
    births_removed.push_back(expected ? expected->birth : IPC_NO_TIME);
    return 0;
}

} // namespace

TEST_CASE_METHOD(Fixture, "what is held is removed by force alone, and what was looked at is what is removed")
{
    births_removed.clear();
    filed_objects = {plain("f", {0, internal_device, 9, 1234})};
    list();
    SECTION("not held")
    {
        inventory.settle(ipc::Coverage::whole);
        CHECK(ipc::remove_object(object("f"), {}).error().code() == ENOTSUP);
        files.set_remove(record_removal);
        CHECK(ipc::remove_object(object("f"), {}).ok());
        CHECK(births_removed == std::vector<std::int64_t>{1234});
    }
    SECTION("held")
    {
        files.set_remove(record_removal);
        inventory.see(sight(IPC_SIGHT_DESCRIPTOR, "/file", 9));
        inventory.settle(ipc::Coverage::whole);
        const auto refused = ipc::remove_object(object("f"), {});
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().code() == EBUSY);
        CHECK_THAT(refused.error().text(), ContainsSubstring(std::to_string(getpid())));
        CHECK_THAT(refused.error().text(), ContainsSubstring("--force"));
        CHECK(births_removed.empty());
        CHECK(ipc::remove_object(object("f"), {.force = true}).ok());
    }
    SECTION("held by somebody who is not visible")
    {
        files.set_remove(record_removal);
        object("f").facts.flags = IPC_OBJECT_COUNTED;
        object("f").facts.attached = 2;
        inventory.settle(ipc::Coverage::whole);
        CHECK_THAT(ipc::remove_object(object("f"), {}).error().text(), ContainsSubstring("2 attached, 2 hidden"));
        CHECK(births_removed.empty());
    }
    SECTION("removed already")
    {
        files.set_remove(record_removal);
        object("f").facts.flags = IPC_OBJECT_REMOVED;
        inventory.settle(ipc::Coverage::whole);
        CHECK(ipc::remove_object(object("f"), {.force = true}).error().code() == EIDRM);
        CHECK(births_removed.empty());
    }
}
