// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "guarded_access.hpp"

#include <ipc/plugin.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace {

constexpr std::size_t size = 1 << 20;

/// Shared memory that can be cut off.
struct Shared {
    Shared() : fd(memfd_create("guarded", MFD_CLOEXEC))
    {
        REQUIRE(ftruncate(fd, size) == 0);
        void *start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        REQUIRE(start != MAP_FAILED);
        memory = {static_cast<std::byte *>(start), size};
    }
    ~Shared()
    {
        munmap(memory.data(), size);
        close(fd);
    }
    volatile std::byte *at(std::size_t offset) { return memory.data() + offset; }

    int fd;
    std::span<std::byte> memory;
};

} // namespace

TEST_CASE("what goes well is done")
{
    Shared shared;
    REQUIRE(ipc::guarded_access(shared.memory, [&] { *shared.at(70000) = std::byte{7}; }).ok());
    CHECK(*shared.at(70000) == std::byte{7});
}

TEST_CASE("a page that is gone is an error that names the offset, again and again")
{
    Shared shared;
    REQUIRE(ftruncate(shared.fd, 4096) == 0);
    for (const std::size_t offset : {std::size_t{4096}, std::size_t{70001}, size - 1}) {
        bool reached = false;
        const auto done = ipc::guarded_access(shared.memory, [&] {
            *shared.at(offset) = std::byte{7};
            reached = true;
        });
        REQUIRE(!done.ok());
        CHECK(!reached);
        CHECK(done.error().code() == EIO);
        CHECK_THAT(done.error().text(), ContainsSubstring("offset " + std::to_string(offset) + " "));
    }
}

TEST_CASE("a fault elsewhere and a signal that was sent end the process as ever")
{
    Shared guarded, other;
    REQUIRE(ftruncate(other.fd, 0) == 0);
    for (const bool fault : {true, false}) {
        const pid_t child = fork();
        if (child == 0) {
            std::signal(SIGBUS, SIG_DFL);
            (void)ipc::guarded_access(guarded.memory, [&] {
                if (fault)
                    *other.at(0) = std::byte{1};
                else
                    kill(getpid(), SIGBUS);
            });
            _exit(0);
        }
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == SIGBUS);
    }
}

TEST_CASE("an attempt ends at a page that is gone, nested too, and the next one goes on")
{
    Shared shared;
    REQUIRE(ftruncate(shared.fd, 4096) == 0);
    struct Work {
        Shared &shared;
        std::size_t offset;
        int inner = 0;
        bool reached = false;
    };
    const auto touch = [](void *context) {
        auto &work = *static_cast<Work *>(context);
        *work.shared.at(work.offset) = std::byte{7};
        work.reached = true;
    };
    for (const std::size_t offset : {std::size_t{0}, std::size_t{5000}, std::size_t{1}}) {
        Work work{shared, offset};
        const int expected = offset < 4096 ? 0 : -EFAULT;
        CHECK(ipc::guarded_attempt(shared.memory.data(), size, IPC_FOREVER, touch, &work) == expected);
        CHECK(work.reached == (expected == 0));
    }
    Work work{shared, 5000};
    const auto nested = [](void *context) {
        auto &outer = *static_cast<Work *>(context);
        Work inner{outer.shared, 9000};
        outer.inner = ipc::guarded_attempt(
            outer.shared.memory.data(), size, 1'000'000'000,
            [](void *one) { *static_cast<Work *>(one)->shared.at(9000) = std::byte{1}; }, &inner);
        *outer.shared.at(outer.offset) = std::byte{7};
    };
    CHECK(ipc::guarded_attempt(shared.memory.data(), size, IPC_FOREVER, nested, &work) == -EFAULT);
    CHECK(work.inner == -EFAULT);
}

TEST_CASE("what is gone outside of an inner guard leaves both, and the next ones stand")
{
    Shared outer, inner;
    REQUIRE(ftruncate(outer.fd, 0) == 0);
    for (int round = 0; round < 3; round++) {
        bool returned = false;
        const bool lasts = ipc::while_memory_lasts([&] {
            (void)ipc::guarded_access(inner.memory, [&] { *outer.at(4096) = std::byte{7}; });
            returned = true;
        });
        CHECK(!lasts);
        CHECK(!returned);
        CHECK(ipc::while_memory_lasts([&] { *inner.at(0) = std::byte{7}; }));
        CHECK(ipc::guarded_access(inner.memory, [&] { *inner.at(1) = std::byte{7}; }).ok());
        CHECK(!ipc::guarded_access(outer.memory, [&] { *outer.at(0) = std::byte{7}; }).ok());
    }
}

TEST_CASE("an attempt that never returns is given up in time, again and again, in a child process too")
{
    Shared shared;
    const auto wait = [&] {
        return ipc::guarded_attempt(
            shared.memory.data(), size, 300'000'000,
            [](void *) {
                for (;;)
                    pause();
            },
            nullptr);
    };
    CHECK(wait() == -ETIMEDOUT);
    CHECK(wait() == -ETIMEDOUT);
    const pid_t child = fork();
    if (child == 0) {
        alarm(30);
        _exit(wait() == -ETIMEDOUT ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    const auto nothing = [](void *) {};
    CHECK(ipc::guarded_attempt(shared.memory.data(), size, 300'000'000, nothing, nullptr) == 0);
}
