// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "process.hpp"
#include "process_look.hpp"
#include "processes.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <map>
#include <pthread.h>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace {

struct Sight {
    ipc_sight raw;
    std::string path;
};

std::vector<Sight> sights_of(pid_t process, const ipc::ProcessPass &pass)
{
    std::vector<Sight> sights;
    const auto result = ipc::go_over_processes(pass, [&](const ipc_sight &sight) {
        if (sight.process == process)
            sights.push_back({sight, sight.path});
    });
    REQUIRE(result.ok());
    return sights;
}

using Mapping = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint32_t, std::string>;

std::set<Mapping> mappings_of(ipc::MappingSource source)
{
    std::set<Mapping> mappings;
    for (const Sight &sight : sights_of(getpid(), {.mappings = source, .wanted = IPC_CLAIMS_MAPPINGS}))
        mappings.insert(
            {sight.raw.start, sight.raw.end, sight.raw.device, sight.raw.inode, sight.raw.access, sight.path});
    return mappings;
}

/// A child that does `work` and then waits to be killed.
class Child {
public:
    template <typename Work> explicit Child(Work work) : id_(fork())
    {
        if (id_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work();
            for (;;)
                pause();
        }
    }
    ~Child()
    {
        kill(id_, SIGKILL);
        waitpid(id_, nullptr, 0);
    }
    pid_t id() const { return id_; }

private:
    pid_t id_;
};

/// Wait until `condition` holds, within what a slow machine needs.
template <typename Condition> bool comes_true(Condition condition)
{
    for (int i = 0; i < 1000; i++) {
        if (condition())
            return true;
        usleep(10'000);
    }
    return false;
}

} // namespace

TEST_CASE("query and text of mappings yield the same sights")
{
    const ipc::Fd plain(memfd_create("plain", MFD_CLOEXEC)), lines(memfd_create("two\nlines (deleted)", MFD_CLOEXEC));
    REQUIRE(ftruncate(plain.get(), 8192) == 0);
    REQUIRE(ftruncate(lines.get(), 4096) == 0);
    const int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    REQUIRE(segment >= 0);
    void *attached = shmat(segment, nullptr, SHM_RDONLY);
    shmctl(segment, IPC_RMID, nullptr);
    void *both = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, plain.get(), 0);
    void *readable = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, lines.get(), 0);
    void *anonymous = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    void *own = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, plain.get(), 0);

    const std::set<Mapping> by_text = mappings_of(ipc::MappingSource::text);
    const auto find = [&](void *address) {
        for (const Mapping &mapping : by_text)
            if (std::get<0>(mapping) == reinterpret_cast<std::uintptr_t>(address))
                return mapping;
        return Mapping{};
    };
    CHECK(std::get<5>(find(both)) == "/memfd:plain (deleted)");
    CHECK(std::get<4>(find(both)) == (IPC_READ | IPC_WRITE));
    CHECK(std::get<5>(find(readable)) == "/memfd:two\nlines (deleted) (deleted)");
    CHECK(std::get<4>(find(readable)) == IPC_READ);
    CHECK(std::get<5>(find(anonymous)) == "/dev/zero (deleted)");
    // The first segment of a namespace has the identifier 0, and its mapping the inode 0.
    CHECK(std::get<3>(find(attached)) == static_cast<std::uint64_t>(segment));
    CHECK(find(own) == Mapping{});
    if (ipc::has_mapping_query())
        CHECK(mappings_of(ipc::MappingSource::query) == by_text);
    else
        WARN("this kernel has no PROCMAP_QUERY: the comparison is left out");

    shmdt(attached);
    munmap(both, 8192);
    munmap(readable, 4096);
    munmap(anonymous, 4096);
    munmap(own, 4096);
}

TEST_CASE("more mappings than one read of maps holds are all seen")
{
    constexpr int count = 3000;
    const ipc::Fd file(memfd_create("many", MFD_CLOEXEC));
    REQUIRE(ftruncate(file.get(), 2 * 4096) == 0);
    std::vector<void *> pages;
    for (int i = 0; i < count; i++) // alternating protections keep them from being merged
        pages.push_back(mmap(nullptr, 4096, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0));
    const auto by_text = mappings_of(ipc::MappingSource::text);
    CHECK(by_text.size() >= count);
    if (ipc::has_mapping_query())
        CHECK(mappings_of(ipc::MappingSource::query) == by_text);
    for (void *page : pages)
        munmap(page, 4096);
}

TEST_CASE("a descriptor is offered with what it is open for and on")
{
    char path[] = "/tmp/ipc-processes-XXXXXX";
    const ipc::Fd both(mkostemp(path, O_CLOEXEC));
    const ipc::Fd reading(open(path, O_RDONLY | O_CLOEXEC)), writing(open(path, O_WRONLY | O_CLOEXEC));
    struct stat status;
    REQUIRE(fstat(both.get(), &status) == 0);
    const auto sights = sights_of(getpid(), {.wanted = ~std::uint32_t{IPC_CLAIMS_CALLS}});
    const auto access_of = [&](const ipc::Fd &descriptor) {
        for (const Sight &sight : sights)
            if (sight.raw.kind == IPC_SIGHT_DESCRIPTOR && sight.raw.number == descriptor.get()) {
                CHECK(sight.raw.inode == status.st_ino);
                CHECK(sight.raw.device == status.st_dev);
                CHECK(sight.raw.mode == status.st_mode);
                CHECK(sight.raw.links == 1);
                CHECK(sight.path == path);
                return sight.raw.access;
            }
        return std::uint32_t{0};
    };
    CHECK(access_of(both) == (IPC_READ | IPC_WRITE));
    CHECK(access_of(reading) == IPC_READ);
    CHECK(access_of(writing) == IPC_WRITE);
    unlink(path);
}

TEST_CASE("what a process has is seen when its first thread has ended before another")
{
    const ipc::Fd file(memfd_create("left", MFD_CLOEXEC));
    REQUIRE(ftruncate(file.get(), 4096) == 0);
    void *mapped = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file.get(), 0);
    const Child child([] {
        pthread_t thread;
        const auto wait = [](void *) -> void * {
            for (;;)
                pause();
        };
        if (pthread_create(&thread, nullptr, wait, nullptr) == 0)
            syscall(SYS_exit, 0); // this thread alone
    });
    const auto process = [&] { return ipc::find_process(child.id()); };
    REQUIRE(comes_true([&] { return access(("/proc/" + std::to_string(child.id()) + "/exe").c_str(), F_OK) != 0; }));
    REQUIRE(process().has_value());
    CHECK_FALSE(process()->without_memory);
    for (const ipc::MappingSource source : {ipc::MappingSource::text, ipc::MappingSource::automatic}) {
        std::uint32_t kinds = 0;
        for (const Sight &sight : sights_of(child.id(), {.mappings = source}))
            if (sight.path == "/memfd:left (deleted)")
                kinds |= 1u << sight.raw.kind;
        CHECK(kinds == (1u << IPC_SIGHT_MAPPING | 1u << IPC_SIGHT_DESCRIPTOR));
    }
    munmap(mapped, 4096);
}

TEST_CASE("a blocked call is offered with its arguments")
{
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const Child child([&] {
        char byte;
        syscall(SYS_read, ends[0], &byte, 1L);
    });
    CHECK(comes_true([&] {
        for (const Sight &sight : sights_of(child.id(), {.wanted = IPC_CLAIMS_CALLS}))
            if (sight.raw.kind == IPC_SIGHT_CALL && sight.raw.number == SYS_read)
                return sight.raw.arguments[0] == static_cast<std::uint64_t>(ends[0]) && sight.raw.arguments[2] == 1;
        return false;
    }));
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("what was not asked for is not offered")
{
    for (const Sight &sight : sights_of(getpid(), {.wanted = IPC_CLAIMS_MAPPINGS}))
        CHECK(sight.raw.kind == IPC_SIGHT_MAPPING);
}

TEST_CASE("of a crowd, which two threads look at, each process is told once, whole, and in order")
{
    const ipc::Fd file(memfd_create("crowd", MFD_CLOEXEC));
    REQUIRE(ftruncate(file.get(), 4096) == 0);
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const ipc::Fd in(ends[0]), out(ends[1]);
    void *mapped = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file.get(), 0);
    char pipe_name[64] = {};
    REQUIRE(readlink(("/proc/self/fd/" + std::to_string(in.get())).c_str(), pipe_name, sizeof pipe_name - 1) > 0);
    const std::string fifo_name = "/tmp/fifo-" + std::to_string(getpid());
    REQUIRE(mkfifo(fifo_name.c_str(), 0600) == 0);
    const ipc::Fd fifo(open(fifo_name.c_str(), O_RDWR | O_CLOEXEC));
    std::deque<Child> crowd;
    for (int i = 0; i < 150; i++)
        crowd.emplace_back([] {});

    for (int round = 0; round < 5; round++) {
        std::vector<std::int64_t> order;
        std::map<std::int64_t, std::vector<Sight>> sights;
        REQUIRE(ipc::go_over_processes({}, [&](const ipc_sight &sight) {
                    if (order.empty() || order.back() != sight.process)
                        order.push_back(sight.process);
                    sights[sight.process].push_back({sight, sight.path});
                }).ok());
        CHECK(order.size() == sights.size());
        CHECK(std::is_sorted(order.begin(), order.end()));
        for (const Child &child : crowd) {
            const std::vector<Sight> &seen = sights[child.id()];
            const auto count = [&](std::uint32_t kind, const std::string &path) {
                return std::count_if(seen.begin(), seen.end(),
                                     [&](const Sight &sight) { return sight.raw.kind == kind && sight.path == path; });
            };
            REQUIRE(count(IPC_SIGHT_MAPPING, "/memfd:crowd (deleted)") == 1);
            REQUIRE(count(IPC_SIGHT_DESCRIPTOR, "/memfd:crowd (deleted)") == 1);
            REQUIRE(count(IPC_SIGHT_DESCRIPTOR, pipe_name) == 0); // only those with a name are told
            REQUIRE(count(IPC_SIGHT_DESCRIPTOR, fifo_name) == 1);
            REQUIRE(std::is_sorted(seen.begin(), seen.end(), [](const Sight &left, const Sight &right) {
                return left.raw.kind < right.raw.kind;
            }));
        }
    }
    munmap(mapped, 4096);
    unlink(fifo_name.c_str());
}
