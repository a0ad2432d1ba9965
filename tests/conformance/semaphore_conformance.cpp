// SPDX-License-Identifier: MIT
// ipc.semaphore/1, as ipc/plugin.h promises it. Plugins that do not offer it pass by having nothing to show.
#include "catch.hpp"
#include "semaphore.hpp"
#include "subject.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

using namespace conformance;
using ipc::Purpose;
using ipc::Semaphore;

namespace {

constexpr std::int64_t moment = 20'000'000, ages = 20'000'000'000;

bool applies(std::uint32_t features = 0)
{
    if (subject().semaphore() && (subject().semaphore()->features & features) == features)
        return true;
    SUCCEED("no such semaphore");
    return false;
}

Semaphore created(const ipc::Address &address, Purpose purpose = Purpose::lock, std::uint64_t value = 1)
{
    auto semaphore = Semaphore::create(address, purpose, value, {});
    if (!semaphore)
        FAIL(semaphore.error().text());
    return std::move(semaphore).value();
}

/// A child that runs `work`, and the status that it ends with.
class Child {
public:
    explicit Child(const std::function<int()> &work) : process_(::fork())
    {
        if (process_ == 0)
            ::_exit(work());
    }
    void kill() const { ::kill(process_, SIGKILL); }
    int status() const
    {
        int status = 0;
        REQUIRE(::waitpid(process_, &status, 0) == process_);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    pid_t process_;
};

int lock_in_child(const ipc::Address &address, std::int64_t timeout)
{
    return Child([&] {
               auto semaphore = Semaphore::open(address);
               return semaphore ? code_of(semaphore->lock(0, false, timeout)) : 255;
           })
        .status();
}

} // namespace

TEST_CASE("a semaphore's creation is exclusive, and one that is not there is ENOENT")
{
    if (!applies())
        return;
    FreshAddress address;
    CHECK(code_of(Semaphore::open(*address)) == ENOENT);
    Semaphore first = created(*address);
    auto second = Semaphore::create(*address, Purpose::lock, 1, {});
    CHECK(code_of(second) == EEXIST);
    CHECK(is_sentence(second.error().text()));
    CHECK(Semaphore::open(*address).ok());
    CHECK(Semaphore::open_or_create(*address, Purpose::lock, 1, {}).ok());
}

TEST_CASE("its status says how many may pass")
{
    if (!applies())
        return;
    FreshAddress address;
    Semaphore semaphore = created(*address);
    auto status = semaphore.status();
    REQUIRE(status.ok());
    CHECK(status->value == 1);
    CHECK(status->max_value >= 1);
    CHECK((status->waiters == 0 || status->waiters == IPC_UNKNOWN));
    CHECK(status->features == subject().semaphore()->features);
    REQUIRE(semaphore.lock(0, false, 0).ok());
    CHECK(semaphore.status()->value == 0);
    REQUIRE(semaphore.unlock().ok());
    CHECK(semaphore.status()->value == 1);
}

TEST_CASE("what is locked is locked to other processes, until it is unlocked")
{
    if (!applies())
        return;
    FreshAddress address;
    Semaphore semaphore = created(*address);
    REQUIRE(semaphore.lock(1, false, 0).ok());
    CHECK(lock_in_child(*address, 0) == EAGAIN);
    CHECK(lock_in_child(*address, moment) == ETIMEDOUT);
    REQUIRE(semaphore.unlock().ok());
    CHECK(lock_in_child(*address, 0) == 0);
    CHECK(semaphore.lock(1, false, ages).ok());
}

TEST_CASE("a process that died has nothing locked")
{
    if (!applies())
        return;
    FreshAddress address;
    Semaphore semaphore = created(*address);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    Child child([&] {
        auto mine = Semaphore::open(*address);
        if (!mine || !mine->lock(0, false, 0))
            return 1;
        [[maybe_unused]] const ssize_t told = ::write(ends[1], "x", 1);
        return ::pause();
    });
    char byte;
    REQUIRE(::read(ends[0], &byte, 1) == 1);
    CHECK(code_of(semaphore.lock(0, false, 0)) == EAGAIN);
    child.kill();
    if (applies(IPC_SEMAPHORE_RELEASED)) {
        CHECK(child.status() == 128 + SIGKILL);
        CHECK(semaphore.lock(0, false, 0).ok());
    } else {
        CHECK(semaphore.lock(0, false, ages).ok());
        CHECK(child.status() == 128 + SIGKILL);
    }
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("one that waits gets what is unlocked")
{
    if (!applies())
        return;
    FreshAddress address;
    Semaphore semaphore = created(*address);
    REQUIRE(semaphore.lock(0, false, 0).ok());
    Child child([&] {
        auto mine = Semaphore::open(*address);
        return mine ? code_of(mine->lock(0, false, ages)) : 255;
    });
    ::usleep(20'000);
    REQUIRE(semaphore.unlock().ok());
    CHECK(child.status() == 0);
}

TEST_CASE("as many as there are slots lock it, each with a number of its own")
{
    if (!applies(IPC_SEMAPHORE_SLOTS))
        return;
    FreshAddress address;
    Semaphore first = created(*address, Purpose::lock, 3);
    auto second = Semaphore::open(*address), third = Semaphore::open(*address);
    REQUIRE(second.ok());
    REQUIRE(third.ok());
    CHECK(first.lock(3, false, 0).value() == 1);
    CHECK(second->lock(0, false, 0).value() == 2);
    CHECK(third->lock(3, false, 0).value() == 3);
    CHECK(lock_in_child(*address, 0) == EAGAIN);
    REQUIRE(second->unlock().ok());
    CHECK(second->lock(3, false, 0).value() == 2);
    CHECK(code_of(Semaphore::open(*address)->lock(2, false, 0)) == EINVAL);
}

TEST_CASE("shared locks go together and exclude others")
{
    if (!applies(IPC_SEMAPHORE_SHARED))
        return;
    FreshAddress address;
    Semaphore first = created(*address);
    auto second = Semaphore::open(*address);
    REQUIRE(second.ok());
    CHECK(first.lock(0, true, 0).ok());
    CHECK(second->lock(0, true, 0).ok());
    CHECK(lock_in_child(*address, 0) == EAGAIN);
    CHECK(first.unlock().ok());
    CHECK(lock_in_child(*address, 0) == EAGAIN);
    CHECK(second->unlock().ok());
    CHECK(lock_in_child(*address, 0) == 0);
}

TEST_CASE("what is entrusted to a child is the child's, until that has ended")
{
    if (!applies() || subject().semaphore()->features & IPC_SEMAPHORE_INHERITED) // what the host sees to
        return;
    FreshAddress address;
    Semaphore other = created(*address);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    Child locker([&] {
        auto mine = Semaphore::open(*address);
        if (!mine || !mine->lock(0, false, 0))
            return 1;
        if (::fork() == 0) {
            const pid_t self = ::getpid();
            if (mine->entrust(self))
                while (::write(ends[1], &self, sizeof self) == sizeof self && ::pause() == 0)
                    ;
            ::_exit(1);
        }
        return ::pause();
    });
    pid_t command = 0;
    REQUIRE(::read(ends[0], &command, sizeof command) == sizeof command);
    locker.kill();
    CHECK(locker.status() == 128 + SIGKILL);
    CHECK(code_of(other.lock(0, false, 5 * moment)) == ETIMEDOUT);
    CHECK(code_of(other.lock(0, false, 0)) == EAGAIN);
    ::kill(command, SIGKILL); // it is nobody's child, and would have this program's output open for ever
    CHECK(other.lock(0, false, ages).ok());
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("counting: all at once or nothing, no overflow, and waiting for zero")
{
    if (!applies(IPC_SEMAPHORE_COUNTS))
        return;
    FreshAddress address;
    Semaphore semaphore = created(*address, Purpose::count, 2);
    CHECK(code_of(semaphore.wait(3, 0)) == EAGAIN);
    CHECK(code_of(semaphore.wait(3, moment)) == ETIMEDOUT);
    CHECK(semaphore.status()->value == 2);
    CHECK(semaphore.wait(2, 0).ok());
    CHECK(semaphore.wait_zero(0).ok());
    CHECK(semaphore.post(1).ok());
    CHECK(code_of(semaphore.wait_zero(moment)) == ETIMEDOUT);
    const std::uint64_t most = semaphore.status()->max_value;
    CHECK(code_of(semaphore.post(most)) == EOVERFLOW);
    CHECK(code_of(semaphore.post(UINT64_MAX)) == EOVERFLOW);
    CHECK(semaphore.status()->value == 1);
    CHECK(semaphore.post(most - 1).ok());
    CHECK(code_of(semaphore.post(1)) == EOVERFLOW);
    CHECK(semaphore.status()->value == most);
    CHECK(code_of(semaphore.wait(most + 1, 0)) == EINVAL);
}

TEST_CASE("a barrier: all go with the last, and who gives up was never there")
{
    if (!applies() || !subject().semaphore()->meet)
        return;
    FreshAddress address;
    Semaphore semaphore = created(*address, Purpose::meet, 2);
    for (int round = 0; round < 3; round++) {
        CHECK(code_of(semaphore.meet(2, 0)) == EAGAIN);
        CHECK(code_of(semaphore.meet(2, moment)) == ETIMEDOUT);
        Child child([&] {
            auto mine = Semaphore::open(*address);
            return mine ? code_of(mine->meet(2, ages)) : 255;
        });
        CHECK(semaphore.meet(2, ages).ok());
        CHECK(child.status() == 0);
    }
    CHECK(code_of(semaphore.meet(3, 0)) == EINVAL);
    CHECK(code_of(semaphore.lock(0, false, 0)) == EINVAL);
}

TEST_CASE("a value that no semaphore of the mechanism has is refused and leaves nothing behind")
{
    if (!applies())
        return;
    for (const Purpose purpose : {Purpose::count, Purpose::lock, Purpose::meet}) {
        FreshAddress address;
        auto semaphore = Semaphore::create(*address, purpose, UINT64_MAX, {});
        REQUIRE_FALSE(semaphore.ok());
        CHECK(is_sentence(semaphore.error().text()));
        CHECK(code_of(Semaphore::open(*address)) == ENOENT);
    }
}

TEST_CASE("a stale identity removes no semaphore")
{
    if (!applies() || !subject().descriptor().remove)
        return;
    FreshAddress address;
    ipc_identity identity;
    {
        Semaphore first = created(*address);
        identity = first.status()->identity;
        REQUIRE(conformance::remove(*address, &identity).ok());
    }
    CHECK(code_of(Semaphore::open(*address)) == ENOENT);
    Semaphore second = created(*address);
    CHECK(code_of(conformance::remove(*address, &identity)) == ESTALE);
    CHECK(Semaphore::open(*address).ok());
    CHECK(second.remove().ok());
    CHECK(code_of(conformance::remove(*address)) == ENOENT);
}
