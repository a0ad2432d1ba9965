// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "observer.hpp"
#include "process.hpp"

#include <unistd.h>

using namespace ipc;
using namespace ipc::watch;

namespace {

bool looks_at_files(const ipc::SnapshotRequest &request) { return request.pass.wanted & IPC_CLAIMS_REGULAR_FILES; }

/// A machine with objects of its own. Like the real one it shows descriptors only to those who ask for them.
struct Machine {
    std::vector<Object> objects;
    std::vector<std::string> asked; // "-" nothing but objects, "m" mappings, "a" everything
    std::uint64_t hidden = 0;       // processes whose descriptors may not be seen, though mappings may

    Snapshot look(const SnapshotRequest &request)
    {
        asked.push_back(!request.holders ? "-" : looks_at_files(request) ? "a" : "m");
        Snapshot snapshot;
        snapshot.processes.hidden = looks_at_files(request) ? hidden : 0;
        for (Object object : objects) {
            std::erase_if(object.holders, [&](const Holder &holder) {
                return !request.holders || (!looks_at_files(request) && holder.mappings == 0);
            });
            if (object.state == State::removed && object.holders.empty())
                continue;
            if (object.holders.empty())
                object.state = snapshot.processes.hidden ? State::unknown : State::idle;
            snapshot.objects.push_back(object);
        }
        return snapshot;
    }

    Observer observer()
    {
        return Observer([this](const SnapshotRequest &request) { return look(request); }, {});
    }

    std::string passes() const
    {
        std::string passes;
        for (const std::string &pass : asked)
            if (pass != "-")
                passes += pass;
        return passes;
    }
};

Holder by_descriptor(std::int64_t process)
{
    Holder holder;
    holder.process = process;
    const auto found = find_process(process);
    holder.start = found ? found->start : 0;
    holder.descriptors = 1;
    holder.access = IPC_READ;
    return holder;
}

Object held(std::uint64_t number, std::string name, State state = State::in_use)
{
    Object object;
    ipc_object_clear(&object.facts);
    object.address = {"toy", std::move(name), {}};
    object.facts.identity = {0, 1, number, IPC_NO_TIME};
    object.holders = {by_descriptor(::getpid())};
    object.state = state;
    return object;
}

} // namespace

TEST_CASE("everything is looked at first and every fifth time, while nothing changes")
{
    Machine machine{{held(1, "a")}, {}};
    Observer observer = machine.observer();
    for (int i = 0; i < 11; i++)
        CHECK(observer.take().objects.at(0).holders.size() == 1);
    CHECK(machine.passes() == "ammmmammmma");
}

TEST_CASE("everything is looked at when an object changed, came or went")
{
    Machine machine{{held(1, "a")}, {}};
    Observer observer = machine.observer();
    observer.take();
    observer.take();
    machine.objects[0].facts.messages = 3;
    observer.take();
    machine.objects.push_back(held(2, "b"));
    observer.take();
    observer.take();
    machine.objects.clear();
    CHECK(observer.take().objects.empty());
    CHECK(machine.passes() == "amaama");
}

TEST_CASE("in between, a holder by descriptor is kept, joined with what it maps")
{
    Machine machine{{held(1, "a")}, {}};
    Observer observer = machine.observer();
    observer.take();
    Holder mapping = by_descriptor(::getpid());
    mapping.descriptors = 0;
    mapping.mappings = 2;
    mapping.access = IPC_WRITE;
    machine.objects[0].holders = {mapping};
    const Object object = observer.take().objects.at(0);
    REQUIRE(object.holders.size() == 1);
    CHECK(object.holders[0].descriptors == 1);
    CHECK(object.holders[0].mappings == 2);
    CHECK(object.holders[0].access == (IPC_READ | IPC_WRITE));
    CHECK(object.state == State::in_use);
}

TEST_CASE("an object without a name stays while its holder lives")
{
    Machine machine{{held(1, "b", State::removed), held(2, "a"), held(3, "c")}, {}};
    Observer observer = machine.observer();
    observer.take();
    const Snapshot snapshot = observer.take();
    REQUIRE(snapshot.objects.size() == 3);
    CHECK(snapshot.objects[1].address.name == "b");
    CHECK(machine.passes() == "am");
}

TEST_CASE("a holder that has ended is not kept")
{
    Object object = held(1, "a");
    object.holders[0].start -= 5'000'000'000; // another process had this number
    Machine machine{{object}, {}};
    Observer observer = machine.observer();
    observer.take();
    CHECK(observer.take().objects.at(0).holders.empty());
}

TEST_CASE("in between, what may be held by descriptors that are hidden stays unknown")
{
    Object unheld = held(1, "a"), counted = held(2, "b");
    unheld.holders.clear();
    counted.holders.clear();
    counted.facts.flags |= IPC_OBJECT_COUNTED;
    Machine machine{{unheld, counted}, {}};
    machine.hidden = 1;
    Observer observer = machine.observer();
    CHECK(observer.take().objects.at(0).state == State::unknown);
    const Snapshot between = observer.take();
    CHECK(between.objects.at(0).state == State::unknown);
    CHECK(between.objects.at(1).state == State::idle);
    CHECK(machine.passes() == "am");
}
