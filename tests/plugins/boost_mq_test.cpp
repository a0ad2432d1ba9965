// SPDX-License-Identifier: MIT
// boost-mq beside Boost itself on the same queue: whatever one does the other must see, in the same order.
#include "boost_mq.hpp"
#include "catch.hpp"

#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <random>

using namespace boost_mq_test;
using ipc::Access;
using ipc::Queue;

TEST_CASE("any mixture of the plugin's and Boost's sends and receives is one queue, its order that of the priorities")
{
    for (const unsigned messages : {1u, 2u, 3u, 7u, 64u}) {
        const FreshName ours_first, boosts_first;
        REQUIRE(Queue::create(ours_first.address(), messages, 40, {}).ok());
        BoostQueue(interprocess::create_only, boosts_first.text(), messages, 40);
        for (const FreshName *name : {&ours_first, &boosts_first}) {
            auto ours = Queue::open(name->address(), Access::both);
            REQUIRE(ours.ok());
            BoostQueue theirs(interprocess::open_only, name->text());
            // What the queue should hold: Boost alone.
            const FreshName reference;
            BoostQueue model(interprocess::create_only, reference.text(), messages, 40);
            std::mt19937 random(messages);
            for (int i = 0; i < 4000; i++) {
                INFO(messages << " messages, step " << i);
                const bool by_plugin = random() % 2;
                if (random() % 100 < (i / 200 % 2 ? 30u : 70u)) {
                    const std::string text = "message " + std::to_string(i);
                    const unsigned priority = random() % 3 ? random() % 4 : random();
                    const bool sent = send(model, text, priority);
                    if (by_plugin) {
                        auto result = send(*ours, text, priority);
                        REQUIRE(result.ok() == sent);
                        REQUIRE((sent || result.error().code() == EAGAIN));
                    } else {
                        REQUIRE(send(theirs, text, priority) == sent);
                    }
                } else {
                    const Taken expected = receive(model);
                    const Taken peeked = peek(*ours, 40, 0);
                    const Taken taken = by_plugin ? receive(*ours, 40) : receive(theirs);
                    REQUIRE(taken.code == expected.code);
                    REQUIRE(taken.bytes == expected.bytes);
                    REQUIRE(taken.priority == expected.priority);
                    REQUIRE(peeked.code == (expected.code ? ENOMSG : 0));
                    REQUIRE(peeked.bytes == expected.bytes);
                }
                REQUIRE(ours->status()->messages == model.get_num_msg());
            }
        }
    }
}

TEST_CASE("the size of a queue is that which Boost gives it")
{
    for (const auto &[messages, size] : {std::pair{1u, 1u}, {3u, 100u}, {10u, 8u}, {100u, 8192u}, {7u, 4097u}}) {
        const FreshName ours, theirs;
        REQUIRE(Queue::create(ours.address(), messages, size, {}).ok());
        BoostQueue made(interprocess::create_only, theirs.text(), messages, size);
        CHECK(::lseek(ours.file().get(), 0, SEEK_END) == ::lseek(theirs.file().get(), 0, SEEK_END));
        BoostQueue opened(interprocess::open_only, ours.text());
        CHECK(opened.get_max_msg() == messages);
        CHECK(opened.get_max_msg_size() == size);
    }
}

TEST_CASE("a receiver of Boost that waits is woken at once, and so is a sender")
{
    const FreshName there, back;
    auto forth_queue = Queue::create(there.address(), 1, 16, {});
    auto back_queue = Queue::create(back.address(), 1, 16, {});
    REQUIRE((forth_queue.ok() && back_queue.ok()));
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        BoostQueue forth(interprocess::open_only, there.text()), answers(interprocess::open_only, back.text());
        char bytes[16];
        BoostQueue::size_type length = 0;
        unsigned priority = 0;
        forth.receive(bytes, sizeof bytes, length, priority); // waits until there is one
        answers.send("one", 3, 1);
        answers.send("two", 3, 2); // waits until there is room
        ::_exit(length == 4 ? 0 : 1);
    }
    ::usleep(50'000);
    REQUIRE(send(*forth_queue, "wake", 1).ok());
    CHECK(receive(*back_queue, 16, 20'000'000'000).bytes == "one");
    CHECK(receive(*back_queue, 16, 20'000'000'000).bytes == "two");
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("looking at a queue changes no byte of it")
{
    const FreshName name;
    BoostQueue theirs(interprocess::create_only, name.text(), 5, 100);
    for (const char *text : {"one", "two", ""})
        REQUIRE(send(theirs, text, 3));
    const ipc::Fd file = name.file();
    std::string before(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0'), after = before;
    REQUIRE(::pread(file.get(), before.data(), before.size(), 0) > 0);
    {
        auto queue = Queue::open(name.address(), Access::read);
        REQUIRE(queue.ok());
        CHECK(queue->status()->messages == 3);
        for (const char *text : {"one", "two", ""})
            CHECK(peek(*queue, 100,
                       static_cast<std::uint64_t>(text[0] == 'o'   ? 0
                                                  : text[0] == 't' ? 1
                                                                   : 2))
                      .bytes == text);
    }
    REQUIRE(::pread(file.get(), after.data(), after.size(), 0) > 0);
    CHECK(before == after);
}

TEST_CASE("who dies with the lock, in the plugin, leaves it so that all others learn of it")
{
    const FreshName name;
    auto queue = Queue::create(name.address(), 200, 64, {});
    REQUIRE(queue.ok());
    bool died_inside = false;
    for (int round = 0; round < 400 && !died_inside; round++) {
        const pid_t child = ::fork();
        if (child == 0) {
            auto mine = Queue::open(name.address(), Access::both);
            for (unsigned i = 0;; i++) {
                (void)send(*mine, "text", i % 7 + 1);
                (void)receive(*mine, 64);
            }
        }
        ::usleep(static_cast<useconds_t>(1000 + round * 37 % 1000));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        // Nobody hangs, and Boost and the plugin agree on what it is like.
        const Taken taken = receive(*queue, 64);
        bool is_sound = true;
        try {
            BoostQueue theirs(interprocess::open_only, name.text());
            (void)receive(theirs);
        } catch (const interprocess::lock_exception &) {
            is_sound = false;
        }
        CHECK((taken.code == EOWNERDEAD) == !is_sound);
        died_inside = taken.code == EOWNERDEAD;
    }
    CHECK(died_inside);
    CHECK_THAT(receive(*queue, 64).error, ContainsSubstring("mqrm --rescue"));
    CHECK_THAT(send(*queue, "x", 1).error().text(), ContainsSubstring("left locked by a process that died"));
}
