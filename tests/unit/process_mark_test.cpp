// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <ipc/process_mark.hpp>

#include <sys/wait.h>

using namespace ipc;

namespace {

/// A line of /proc/PID/stat with that name, of a process that was started at tick 4711.
std::string line(const std::string &name)
{
    return "812 (" + name + ") S 1 812 812 0 -1 4194304 80 0 0 0 1 2 0 0 20 0 3 0 4711 1000 100\n";
}

} // namespace

TEST_CASE("the start of a process is read after its name, whatever that holds")
{
    for (const char *name : {"sleep", "a b", ") R 1", "x) S 1 2 3 4 5 (y", ""})
        CHECK(parse_process_start(line(name).c_str()) == 4711u);
    for (const char *text : {"", "812", "812 (sleep)", "812 (sleep) S 1 2", "812 sleep S 1"})
        CHECK(!parse_process_start(text));
}

TEST_CASE("this process has not ended, and one with its number and another start has")
{
    const ProcessMark mine = mark_of(getpid());
    CHECK(mine.start > 0);
    CHECK(!has_ended(mine));
    CHECK(has_ended({mine.process, mine.start + 1, mine.space}));
    CHECK(!has_ended({mine.process, mine.start + 1, mine.space + 1})); // of which nothing is known
    CHECK(!has_ended({mine.process, 0, mine.space}));                  // which may be it
    for (const std::int64_t nobody : {std::int64_t(0), std::int64_t(-1), std::int64_t(INT64_MAX)})
        CHECK(has_ended({nobody, 1, mine.space}));
    // A number that no process has proves nothing where its namespace is not known.
    CHECK(has_ended({INT32_MAX, 1, mine.space}));
    CHECK(!has_ended({INT32_MAX, 1, 0}));
}

TEST_CASE("another process's mark is the one that it gives itself")
{
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const ProcessMark own = mark_of(getpid());
        _exit(write(ends[1], &own, sizeof own) == sizeof own && pause() == 0);
    }
    ProcessMark told;
    REQUIRE(read(ends[0], &told, sizeof told) == sizeof told);
    CHECK(told == mark_of(child));
    CHECK(!has_ended(told));
    kill(child, SIGKILL);
    REQUIRE(waitpid(child, nullptr, 0) == child);
    CHECK(has_ended(told));
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
