// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "columns.hpp"
#include "error.hpp"
#include "fake_plugin.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <set>

namespace {

ipc::Object object_of(const ipc::Plugin &plugin)
{
    ipc::Object object;
    object.plugin = &plugin;
    object.address = {std::string(plugin.mechanism()), "/one", {}};
    ipc_object_clear(&object.facts);
    return object;
}

ipc::Cell cell(const ipc::Object &object, std::string_view name)
{
    const auto chosen = ipc::choose_columns(name);
    REQUIRE(chosen.ok());
    return chosen.value().front()->value(object);
}

std::string text(const ipc::Object &object, std::string_view name) { return ipc::text_of(cell(object, name), false); }

} // namespace

TEST_CASE("columns are named once and in capitals")
{
    std::set<std::string_view> names;
    for (const ipc::Column &column : ipc::object_columns()) {
        CHECK(names.insert(column.name).second);
        CHECK(column.name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == column.name.npos);
        CHECK_FALSE(column.help.empty());
    }
}

TEST_CASE("columns are chosen in the order given, in any case, each once")
{
    const auto chosen = ipc::choose_columns("holders,ADDRESS,Holders");
    REQUIRE(chosen.ok());
    REQUIRE(chosen.value().size() == 2);
    CHECK(chosen.value()[0]->name == "HOLDERS");
    CHECK(chosen.value()[1]->name == "ADDRESS");
    const std::size_t usual = ipc::choose_columns("").value().size();
    CHECK(ipc::choose_columns("+KEY").value().size() == usual + 1);
    CHECK(ipc::choose_columns("+ADDRESS").value().size() == usual);
}

TEST_CASE("an unknown column is a usage error with a suggestion")
{
    const auto chosen = ipc::choose_columns("ADDRESS,holdrs");
    REQUIRE_FALSE(chosen.ok());
    CHECK(chosen.error().code() == ipc::usage_code);
    CHECK_THAT(chosen.error().text(), ContainsSubstring("HOLDERS"));
    CHECK_FALSE(ipc::choose_columns("ADDRESS,,STATE").ok());
}

TEST_CASE("what is not known is ? and what the mechanism has not is -")
{
    const ipc::FakePlugin queues("fake-mq", ipc::FakePlugin::Kind::queue);
    const ipc::FakePlugin segments("fake-shm", ipc::FakePlugin::Kind::segment);
    ipc::Object queue = object_of(queues.plugin), segment = object_of(segments.plugin);
    CHECK(text(queue, "MESSAGES") == "?");
    CHECK(text(segment, "MESSAGES") == "-");
    CHECK(text(segment, "SIZE") == "?");
    CHECK(text(segment, "KEY") == "-");
    segment.facts.creator = 0;
    CHECK(text(segment, "CREATOR") == "?");
    CHECK(ipc::json_of(cell(segment, "CREATOR")).is_null());
    CHECK(ipc::json_of(cell(segment, "KEY")).is_null());
}

TEST_CASE("numbers are numbers in JSON, sizes are bytes")
{
    const ipc::FakePlugin plugin("fake-shm", ipc::FakePlugin::Kind::segment);
    ipc::Object object = object_of(plugin.plugin);
    object.facts.capacity = 65536;
    object.facts.changed = 0;
    object.facts.mode = 0640;
    CHECK(text(object, "SIZE") == "64K");
    CHECK(ipc::text_of(cell(object, "SIZE"), true) == "65536");
    const auto json = ipc::json_of(object, ipc::choose_columns("SIZE,LAST-IN,MODE,CHANGED").value());
    CHECK(json["size"] == 65536);
    CHECK(json["last_in"].is_null());
    CHECK(json["mode"] == "0640");
    CHECK(json["changed"].is_string());
    CHECK(json.begin().key() == "size");
}

TEST_CASE("names of processes reach neither terminal nor JSON as they are")
{
    const ipc::FakePlugin plugin("fake-shm", ipc::FakePlugin::Kind::segment);
    ipc::Object object = object_of(plugin.plugin);
    ipc::Holder holder;
    holder.process = 7;
    holder.command = "evil\x1b[2J\n\xff";
    holder.user = geteuid();
    holder.access = IPC_READ | IPC_WRITE;
    object.holders.push_back(holder);
    CHECK(text(object, "HOLDERS") == "7 evil\\x1B[2J\\x0A\\xFF rw");
    const auto json = ipc::json_of(object, ipc::choose_columns("HOLDERS,PIDS").value());
    CHECK(json["holders"][0]["pid"] == 7);
    CHECK(json["holders"][0]["access"] == "rw");
    CHECK(json["holders"][0]["waits"].is_null());
    CHECK(json["pids"] == nlohmann::ordered_json::array({7}));
    CHECK_NOTHROW(json.dump());
}

TEST_CASE("many holders are shortened, hidden ones counted, waiting ones said")
{
    const ipc::FakePlugin plugin("fake-mq", ipc::FakePlugin::Kind::queue);
    ipc::Object object = object_of(plugin.plugin);
    for (int i = 1; i <= 5; i++) {
        ipc::Holder holder;
        holder.process = i;
        holder.command = "p";
        holder.waits_to_receive = i == 1;
        holder.waits_to_send = i == 2;
        object.holders.push_back(holder);
    }
    object.facts.flags = IPC_OBJECT_COUNTED;
    object.facts.attached = 9;
    object.hidden = 4;
    CHECK(text(object, "HOLDERS") == "1 p waits to receive, 2 p waits to send, 3 p and 2 more; 9 attached, 4 hidden");
    CHECK(text(object, "PIDS") == "1,2,3,4,5");
    CHECK(text(object, "WAITERS") == "2");
    CHECK(text(object, "HIDDEN") == "4");
}

TEST_CASE("cells sort by value, with those that are none last")
{
    using ipc::Cell;
    CHECK(ipc::less(Cell(std::uint64_t{2}), Cell(std::uint64_t{10})));
    CHECK(ipc::less(Cell(ipc::Bytes{1}), Cell(ipc::Absent{})));
    CHECK(ipc::less(Cell(std::string("z")), Cell(ipc::Unknown{})));
    CHECK_FALSE(ipc::less(Cell(ipc::Absent{}), Cell(ipc::Time{1})));
    CHECK_FALSE(ipc::less(Cell(ipc::Absent{}), Cell(ipc::Absent{})));
}
