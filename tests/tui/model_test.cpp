// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "details.hpp"
#include "frame.hpp"
#include "lettering.hpp"
#include "live_columns.hpp"
#include "model.hpp"
#include "summary.hpp"

#include <nlohmann/json.hpp>

#include <clocale>

using namespace ipc;
using namespace ipc::watch;

namespace {

Object object(std::uint64_t number, std::string name)
{
    static const Plugin plugin;
    Object object;
    object.plugin = &plugin;
    ipc_object_clear(&object.facts);
    object.address = {"toy", std::move(name), {}};
    object.facts.identity = {0, 1, number, IPC_NO_TIME};
    return object;
}

Object queue(std::uint64_t number, std::string name, std::uint64_t messages)
{
    Object queue = object(number, std::move(name));
    queue.facts.messages = messages;
    return queue;
}

Holder holder(std::int64_t process, std::string command)
{
    Holder holder;
    holder.process = process;
    holder.command = std::move(command);
    return holder;
}

Snapshot sample(std::vector<Object> objects)
{
    Snapshot snapshot;
    snapshot.taken = 1'700'000'000'000'000'000;
    snapshot.objects = std::move(objects);
    return snapshot;
}

Model model_of(const char *columns = "address,depth,change,history")
{
    std::setlocale(LC_CTYPE, "C.UTF-8");
    return Model(choose_live_columns(columns).value());
}

std::string names(const Model &model)
{
    std::string names;
    for (const Row &row : model.rows())
        names += row.object->address.name;
    return names;
}

} // namespace

TEST_CASE("the change of a depth is known from the second sample on")
{
    Model model = model_of();
    model.take(sample({queue(1, "a", 5), object(2, "s")}));
    CHECK(model.rows()[0].texts == std::vector<std::string>{"toy:a", "5", "-", "█"});
    CHECK(model.rows()[1].texts == std::vector<std::string>{"toy:s", "-", "-", "-"});
    model.take(sample({queue(1, "a", 2), object(2, "s")}));
    CHECK(model.rows()[0].texts == std::vector<std::string>{"toy:a", "2", "-3", "█▄"});
}

TEST_CASE("a queue that took another one's name has no past")
{
    Model model = model_of();
    model.take(sample({queue(1, "a", 5)}));
    model.take(sample({queue(2, "a", 6)}));
    CHECK_FALSE(model.rows()[0].past->change());
    CHECK(model.rows()[0].past->depths().size() == 1);
}

TEST_CASE("a queue that was away begins anew")
{
    Model model = model_of();
    model.take(sample({queue(1, "a", 5)}));
    model.take(sample({}));
    model.take(sample({queue(1, "a", 5)}));
    CHECK(model.rows()[0].past->depths().size() == 1);
}

TEST_CASE("the past is bounded")
{
    Model model = model_of();
    for (std::uint64_t i = 0; i < 2 * Past::most; i++)
        model.take(sample({queue(1, "a", i)}));
    CHECK(model.rows()[0].past->depths().size() == Past::most);
    CHECK(model.rows()[0].past->depths().back() == 2 * Past::most - 1);
}

TEST_CASE("a sparkline tells nothing from little, and needs no blocks")
{
    CHECK(sparkline({0, 1, 100}, 8, true) == "▁▂█");
    CHECK(sparkline({0, 1, 100}, 8, false) == "_.#");
    CHECK(sparkline({9, 0, 0}, 2, false) == "__");
    CHECK(sparkline({UINT64_MAX - 1, 0}, 2, false) == "#_");
    CHECK(sparkline({}, 8, true).empty());
}

TEST_CASE("numbers are sorted as numbers, the largest first, the unknown last either way")
{
    Model model = model_of();
    model.take(sample({queue(1, "a", 9), object(2, "x"), queue(3, "b", 10), queue(4, "c", 0)}));
    CHECK(names(model) == "axbc");
    model.sort_by(find_live_column("depth").value());
    CHECK(names(model) == "bacx");
    model.invert();
    CHECK(names(model) == "cabx");
}

TEST_CASE("a fall sorts behind no change")
{
    Model model = model_of();
    model.sort_by(find_live_column("CHANGE").value());
    model.take(sample({queue(1, "a", 5), queue(2, "b", 5), queue(3, "c", 5)}));
    model.take(sample({queue(1, "a", 4), queue(2, "b", 5), queue(3, "c", 6)}));
    CHECK(names(model) == "cba");
}

TEST_CASE("the sort column moves along the table and stays within it")
{
    Model model = model_of();
    model.move_sort_column(-1);
    CHECK(model.sort_column()->name == "HISTORY");
    model.move_sort_column(1);
    CHECK(model.sort_column()->name == "HISTORY");
    model.move_sort_column(-1);
    CHECK(model.sort_column()->name == "CHANGE");
}

TEST_CASE("the selection follows its object, and stays in its place when the object has gone")
{
    Model model = model_of();
    model.take(sample({object(1, "a"), object(2, "b"), object(3, "c")}));
    model.select(1);
    model.take(sample({object(4, "0"), object(1, "a"), object(2, "b"), object(3, "c")}));
    CHECK(model.selected()->object->address.name == "b");
    model.take(sample({object(4, "0"), object(1, "a"), object(3, "c")}));
    CHECK(model.selected()->object->address.name == "c");
    model.take(sample({}));
    CHECK(model.selected() == nullptr);
    model.move_selection(5);
    CHECK(model.position() == 0);
    CHECK_FALSE(model.search("a", 1, true));
}

TEST_CASE("a filter takes all its words, and none behind an exclamation mark")
{
    Object held = object(1, "jobs");
    held.holders = {holder(7, "Worker")};
    held.state = State::in_use;
    Model model = model_of("address");
    model.take(sample({held, object(2, "spare")}));
    const auto shown = [&](const char *filter) {
        model.set_filter(filter);
        return names(model);
    };
    CHECK(shown("") == "jobsspare");
    CHECK(shown("JOB") == "jobs");
    CHECK(shown("worker job") == "jobs");
    CHECK(shown("!worker") == "spare");
    CHECK(shown("!idle") == "jobs");
    CHECK(shown("toy !worker spare") == "spare");
    CHECK(shown("nothing").empty());
    CHECK(shown("! ") == "jobsspare");
}

TEST_CASE("a search goes on from the selection and round the end")
{
    Model model = model_of("address");
    model.take(sample({object(1, "x1"), object(2, "y"), object(3, "x2")}));
    CHECK(model.search("x", 1, true));
    CHECK(model.position() == 0);
    CHECK(model.search("x", 1, false));
    CHECK(model.position() == 2);
    CHECK(model.search("x", 1, false));
    CHECK(model.position() == 0);
    CHECK(model.search("x", -1, false));
    CHECK(model.position() == 2);
    CHECK_FALSE(model.search("z", 1, true));
    CHECK(model.position() == 2);
}

TEST_CASE("only objects of a process, only those of a user")
{
    Object held = object(1, "held");
    held.holders = {holder(7, "worker")};
    held.facts.owner = 5;
    Model model = model_of("address");
    model.only_process(7);
    model.take(sample({held, object(2, "free")}));
    CHECK(names(model) == "held");
    model.only_user(6);
    model.take(sample({held, object(2, "free")}));
    CHECK(names(model).empty());
}

TEST_CASE("text is cut and padded by what it takes on a terminal")
{
    std::setlocale(LC_CTYPE, "C.UTF-8");
    CHECK(fit("abc", 5) == "abc  ");
    CHECK(fit("abc", 5, Align::right) == "  abc");
    CHECK(fit("abcdef", 4) == "abc…");
    CHECK(fit("日本語", 6) == "日本語");
    CHECK(fit("日本語", 5) == "日本…");
    CHECK(fit("日本語", 4) == "日 …");
    CHECK(fit("\xff", 2) == "? ");
    CHECK(fit("abc", 0).empty());
    std::setlocale(LC_CTYPE, "C");
    CHECK(fit("abcdef", 4) == "abc~");
    CHECK(fit("a█", 5).find("█") == std::string::npos);
}

TEST_CASE("a frame has no control characters but the ends of lines")
{
    Object hostile = object(1, "a\x1b[2J\nb");
    hostile.holders = {holder(7, "x\x1b]0;y\a")};
    Model model = model_of("address,holders");
    model.take(sample({hostile}));
    for (char character : frame_of(model))
        CHECK((character == '\n' || static_cast<unsigned char>(character) >= ' '));
    for (const std::string &line : details_of(*model.rows()[0].object, *model.rows()[0].past, 80))
        for (char character : line)
            CHECK(static_cast<unsigned char>(character) >= ' ');
}

TEST_CASE("a line of JSON holds numbers, null for what is not known, and the history")
{
    Model model = model_of();
    model.take(sample({queue(1, "a", 5), object(2, "s")}));
    model.take(sample({queue(1, "a", 2), object(2, "s")}));
    const std::string line = json_line_of(model);
    CHECK(line.find('\n') == line.size() - 1);
    const auto json = nlohmann::json::parse(line);
    CHECK(json["objects"][0]["depth"] == 2);
    CHECK(json["objects"][0]["change"] == -3);
    CHECK(json["objects"][0]["history"] == nlohmann::json({5, 2}));
    CHECK(json["objects"][1]["depth"].is_null());
    CHECK(json["objects"][1]["history"].is_null());
}

TEST_CASE("a limit is measured only where it and its use are known")
{
    Snapshot snapshot = sample({object(1, "a")});
    snapshot.limits = {{"toy", "toy.max", "things", IPC_UNKNOWN, 3, false},
                       {"toy", "toy.each", "size", 9, IPC_UNKNOWN, true}};
    REQUIRE(gauges_of(snapshot).size() == 1);
    CHECK(gauges_of(snapshot)[0].label == "toy");
    CHECK(gauges_of(snapshot)[0].amount == "1 object");
    snapshot.limits.push_back({"toy", "toy.all", "memory", 4096, 1024, true});
    REQUIRE(gauges_of(snapshot).size() == 1);
    CHECK(gauges_of(snapshot)[0].amount == "1K of 4K");
    CHECK(percent_of(gauges_of(snapshot)[0]) == "25%");
}

TEST_CASE("columns are chosen by name, in any case, and a wrong name is explained")
{
    CHECK(choose_live_columns("Depth,address").value().size() == 2);
    CHECK(choose_live_columns("+key").value().size() == choose_live_columns("").value().size() + 1);
    CHECK_THAT(choose_live_columns("dept").error().text(), ContainsSubstring("DEPTH"));
    CHECK_FALSE(choose_live_columns("address,,depth").ok());
}
