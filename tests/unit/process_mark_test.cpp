// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <ipc/process_mark.hpp>

#include <sys/wait.h>

using namespace ipc;

namespace {

/// A line of /proc/PID/stat with that name and state, started at tick 4711 with 3 threads.
std::string line(const std::string &name, char state)
{
    return "812 (" + name + ") " + state + " 1 812 812 0 -1 4194304 80 0 0 0 1 2 0 0 20 0 3 0 4711 1000 100\n";
}

} // namespace

TEST_CASE("state, threads and start of a process are read behind its name, whatever that holds")
{
    for (const char *name : {"sleep", "a b", ") R 1", "x) S 1 2 3 4 5 (y", ""}) {
        const auto state = parse_process_state(line(name, 'S').c_str());
        REQUIRE(state);
        CHECK(state->state == 'S');
        CHECK(state->threads == 3);
        CHECK(state->start == 4711);
    }
    for (const char *text : {"", "812", "812 (sleep)", "812 (sleep) S 1 2", "812 sleep S 1"})
        CHECK(!parse_process_state(text));
}

TEST_CASE("this process has not ended, and one with its number and another start has")
{
    const ProcessMark mine = mark_of(getpid());
    CHECK(mine.start > 0);
    CHECK(!has_ended(mine));
    CHECK(has_ended({mine.process, mine.start + 1, mine.space}));
    CHECK(!has_ended({mine.process, mine.start + 1, mine.space + 1})); // of which nothing is known
    CHECK(!has_ended({mine.process, 0, 0}));
    for (const std::int64_t nobody : {std::int64_t(0), std::int64_t(-1), std::int64_t(INT64_MAX)})
        CHECK(has_ended({nobody, 1, mine.space}));
}

TEST_CASE("a process that is dead and not asked for its status has ended")
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    const ProcessMark mark = mark_of(child);
    siginfo_t info;
    REQUIRE(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
    CHECK(has_ended(mark));
    REQUIRE(waitpid(child, nullptr, 0) == child);
    CHECK(has_ended(mark));
}
