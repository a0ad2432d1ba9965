// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <ipc/process_end.hpp>

#include <sys/wait.h>
#include <unistd.h>

TEST_CASE("a process has ended when it is gone or a zombie, and not before")
{
    int until[2];
    REQUIRE(pipe(until) == 0);
    const pid_t child = fork();
    if (child == 0) {
        close(until[1]);
        char byte;
        static_cast<void>(!read(until[0], &byte, 1));
        _exit(0);
    }
    CHECK_FALSE(ipc::has_ended(child));
    close(until[1]);
    siginfo_t ended = {};
    REQUIRE(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
    CHECK(ipc::has_ended(child)); // a zombie
    waitpid(child, nullptr, 0);
    CHECK(ipc::has_ended(child));
    close(until[0]);
}

TEST_CASE("a number that no process can have proves nothing")
{
    CHECK_FALSE(ipc::has_ended(std::int64_t{0}));
    CHECK_FALSE(ipc::has_ended(std::int64_t{-1}));
    CHECK_FALSE(ipc::has_ended(INT64_MAX));
    CHECK_FALSE(ipc::has_ended(getpid()));
}
