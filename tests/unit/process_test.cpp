// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "process.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>

TEST_CASE("a process name cannot forge the fields behind it")
{
    const auto process =
        ipc::parse_process("42 (x) R 1\n) S 1 42 42 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 250 1 1", 1000);
    REQUIRE(process.has_value());
    CHECK(process->id == 42);
    CHECK(process->command == "x) R 1\n");
    CHECK(process->start == 1000 + 250 * (1'000'000'000 / sysconf(_SC_CLK_TCK)));
    CHECK_FALSE(process->without_memory);
    CHECK_FALSE(ipc::parse_process("42 (x", 0).has_value());
    CHECK_FALSE(ipc::parse_process("", 0).has_value());
    CHECK_FALSE(ipc::parse_process("x (y) S 1", 0).has_value());
    CHECK_FALSE(ipc::parse_process(")(", 0).has_value());
}

TEST_CASE("kernel threads and zombies have no memory")
{
    CHECK(ipc::parse_process("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0", 0)->without_memory);
    CHECK(ipc::parse_process("9 (sh) Z 1 9 9 0 -1 4228100 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0", 0)->without_memory);
}

TEST_CASE("a process whose first thread alone has ended lives")
{
    CHECK_FALSE(ipc::parse_process("9 (sh) Z 1 9 9 0 -1 4228100 0 0 0 0 0 0 0 0 20 0 2 0 1 0 0", 0)->without_memory);
}

TEST_CASE("a process is found with its name, user and start")
{
    int ready[2], end[2];
    REQUIRE(pipe(ready) == 0);
    REQUIRE(pipe(end) == 0);
    const std::int64_t before = std::time(nullptr) * std::int64_t{1'000'000'000};
    const pid_t child = fork();
    REQUIRE(child >= 0);
    char byte = 0;
    if (child == 0) {
        prctl(PR_SET_NAME, "a) S 9 (b");
        close(end[1]);
        _exit(write(ready[1], "", 1) == 1 && read(end[0], &byte, 1) == 0 ? 0 : 1);
    }
    REQUIRE(read(ready[0], &byte, 1) == 1);
    const auto process = ipc::find_process(child);
    for (const int descriptor : {ready[0], ready[1], end[0], end[1]})
        close(descriptor);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    REQUIRE(process.has_value());
    CHECK(process->command == "a) S 9 (b");
    CHECK(process->user == geteuid());
    CHECK(process->parent == getpid());
    CHECK(process->start >= before - 1'000'000'000);
    CHECK(process->start <= before + 60'000'000'000);
    CHECK_FALSE(ipc::find_process(4'999'999).has_value());
}
