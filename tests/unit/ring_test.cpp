// SPDX-License-Identifier: MIT
// ipc/ring.hpp in ordinary use: one process, several openers.
#include "ring_fixture.hpp"

#include <chrono>
#include <csignal>

using namespace ring_test;

TEST_CASE("messages of every length pass whole and in order, across the end of the ring at every offset")
{
    const Memory memory({.capacity = 4096});
    Ring sender = memory.open(), receiver = memory.open();
    unsigned seed = 0;
    for (std::size_t length = 0; length <= sender.max_message_size(); length += length < 600 ? 1 : 61)
        for (int again = 0; again < 3; again++) {
            const std::string message = pattern(length, seed++);
            REQUIRE(sender.send(bytes_of(message), 0).ok());
            REQUIRE(receive(receiver) == message);
        }
    const std::string largest = pattern(sender.max_message_size(), 1);
    for (std::size_t offset = 0; offset < 4096; offset += 8) {
        REQUIRE(sender.send(bytes_of(largest), 0).ok());
        REQUIRE(receive(receiver) == largest);
        REQUIRE(sender.send({}, 0).ok()); // moves everything by 8
        REQUIRE(receive(receiver).empty());
    }
    CHECK(receive(receiver) == "error " + std::to_string(EAGAIN));
}

TEST_CASE("a ring takes what fits, and a message too long is refused with both sizes")
{
    const Memory memory({.capacity = 4096});
    Ring ring = memory.open();
    CHECK(ring.capacity() == 4096);
    CHECK(ring.max_message_size() == 4088);
    const auto refused = ring.send(bytes_of(std::string(4089, 'x')), 0);
    REQUIRE(code_of(refused) == EMSGSIZE);
    CHECK_THAT(refused.error().text(), ContainsSubstring("4089") && ContainsSubstring("4088"));
    int sent = 0;
    while (ring.send({}, 0).ok())
        sent++;
    CHECK(sent == 512);
    CHECK(code_of(ring.send({}, 0)) == EAGAIN);
    CHECK(ring.overview().messages == 512);
    CHECK(ring.overview().bytes == 0);
    CHECK(ring.overview().used == 4096);
}

TEST_CASE("limits of messages and sizes are exact, and the capacity follows from them")
{
    const Memory memory({.max_messages = 3, .max_message_size = 100});
    Ring ring = memory.open();
    CHECK(ring.capacity() == 4096);
    for (int i = 0; i < 3; i++)
        REQUIRE(ring.send(bytes_of(std::string(100, 'q')), 0).ok());
    CHECK(code_of(ring.send({}, 0)) == EAGAIN);
    CHECK(code_of(ring.send(bytes_of(std::string(101, 'q')), 0)) == EMSGSIZE);
    receive(ring);
    CHECK(ring.send({}, 0).ok());
    CHECK(ipc::ring::plan({})->capacity == 1024 * 1024);
    CHECK(ipc::ring::plan({.capacity = 5000})->capacity == 8192);
    CHECK(ipc::ring::plan({.max_messages = 100})->max_message_size == 8192);
    CHECK(ipc::ring::plan({.max_messages = 1000, .max_message_size = 1000})->capacity == 1 << 20);
    CHECK(code_of(ipc::ring::plan({.capacity = 4096, .max_messages = 100, .max_message_size = 100})) == EINVAL);
    for (const std::uint64_t most : {std::uint64_t{1} << 45, UINT64_MAX, UINT64_MAX - 7}) {
        CHECK_FALSE(ipc::ring::plan({.max_messages = most}).ok());
        CHECK_FALSE(ipc::ring::plan({.max_message_size = most}).ok());
        CHECK_FALSE(ipc::ring::plan({.capacity = most}).ok());
        CHECK_FALSE(ipc::ring::plan({.max_messages = most, .max_message_size = most}).ok());
    }
}

TEST_CASE("a batch passes messages of all lengths, and goes on where the ring was full")
{
    const Memory memory({.capacity = 4096});
    Ring sender = memory.open(), receiver = memory.open();
    std::vector<std::string> texts;
    for (unsigned i = 0; i < 2000; i++)
        texts.push_back(pattern(i * 37 % 900, i));
    const std::vector<Ring::Bytes> messages = [&] {
        std::vector<Ring::Bytes> spans;
        for (const std::string &text : texts)
            spans.push_back(bytes_of(text));
        return spans;
    }();
    std::size_t sent = 0, received = 0;
    while (received < texts.size()) {
        if (const auto count = sender.send_batch(std::span(messages).subspan(sent), 0))
            sent += *count.operator->();
        const auto count = receiver.receive_batch(
            [&](Ring::Bytes message) {
                REQUIRE(std::string_view(reinterpret_cast<const char *>(message.data()), message.size()) ==
                        texts[received]);
                received++;
            },
            0, 7);
        REQUIRE(count.ok());
    }
    CHECK(sent == texts.size());
    CHECK(code_of(receiver.receive_batch([](Ring::Bytes) {}, 0)) == EAGAIN);
}

TEST_CASE("a batch ends at a message that its visitor does not take, and at one too long to send")
{
    const Memory memory({.capacity = 4096});
    Ring ring = memory.open();
    const std::string long_one(5000, 'x');
    const Ring::Bytes messages[] = {bytes_of("one"), bytes_of("two"), bytes_of(long_one)};
    CHECK(*ring.send_batch(messages, 0) == 2);
    CHECK(code_of(ring.send_batch(std::span(messages).subspan(2), 0)) == EMSGSIZE);
    CHECK(*ring.receive_batch([&](Ring::Bytes message) { return message.size() != 3 || message[0] != std::byte('t'); },
                              0) == 1);
    CHECK(receive(ring) == "two");
}

TEST_CASE("messages are built and read in place; what is given up was never there")
{
    const Memory memory({.capacity = 4096});
    Ring sender = memory.open(), receiver = memory.open();
    {
        Ring::Claim claim = valued(sender.claim(100, 0));
        std::memcpy(claim.bytes().data(), "in place", 8);
        CHECK(code_of(sender.send({}, 0)) == EDEADLK);
        CHECK(code_of(receiver.receive({}, 0)) == EAGAIN);
        REQUIRE(claim.commit(8).ok());
        CHECK(code_of(claim.commit(8)) == EBADF);
    }
    {
        const Ring::Claim given_up = valued(sender.claim(50, 0));
    }
    CHECK(code_of(valued(sender.claim(10, 0)).commit(11)) == EMSGSIZE);
    {
        const Ring::Front left = valued(receiver.front(0));
        CHECK(left.bytes().size() == 8);
    }
    Ring::Front front = valued(receiver.front(0));
    CHECK(std::memcmp(front.bytes().data(), "in place", 8) == 0);
    front.take();
    CHECK(code_of(receiver.front(0)) == EAGAIN);
}

TEST_CASE("peeking shows every message and changes nothing, for those who may only read too")
{
    const Memory memory({.capacity = 4096});
    Ring ring = memory.open();
    Ring looker = memory.open(IPC_READ);
    for (const char *text : {"first", "", "third"})
        REQUIRE(ring.send(bytes_of(text), 0).ok());
    std::vector<char> before(5 * 4096), after(before.size());
    REQUIRE(::pread(memory.descriptor(), before.data(), before.size(), 0) > 0);
    for (const std::uint64_t index : {2, 0, 1, 2})
        CHECK(peek(looker, index) == std::vector<std::string>{"first", "", "third"}[index]);
    CHECK(peek(looker, 3) == "error " + std::to_string(ENOMSG));
    CHECK(peek(looker, UINT64_MAX) == "error " + std::to_string(ENOMSG));
    CHECK(code_of(looker.peek(0, {})) == EMSGSIZE);
    CHECK(code_of(looker.send({}, 0)) == EBADF);
    CHECK(code_of(looker.receive({}, 0)) == EBADF);
    CHECK(code_of(looker.put_back({})) == EBADF);
    REQUIRE(::pread(memory.descriptor(), after.data(), after.size(), 0) > 0);
    CHECK(before == after);
    CHECK(receive(ring) == "first");
    CHECK(peek(looker, 0).empty());
    CHECK(peek(looker, 1) == "third");
}

TEST_CASE("what is put back is received first, at the very beginning too, and only while there is room")
{
    const Memory memory({.capacity = 4096});
    Ring ring = memory.open();
    REQUIRE(ring.put_back(bytes_of("before any other")).ok());
    REQUIRE(ring.send(bytes_of("second"), 0).ok());
    CHECK(receive(ring) == "before any other");
    REQUIRE(ring.put_back(bytes_of("first")).ok());
    CHECK(ring.overview().messages == 2);
    CHECK(ring.overview().bytes == 11);
    CHECK(peek(ring, 0) == "first");
    while (ring.send(bytes_of("filler"), 0).ok())
        ;
    CHECK(receive(ring) == "first");
    REQUIRE(ring.send(bytes_of("filler"), 0).ok());
    CHECK(code_of(ring.put_back(bytes_of("first"))) == EAGAIN);
    CHECK(receive(ring) == "second");
    REQUIRE(ring.put_back(bytes_of("second")).ok());
    CHECK(code_of(ring.send(bytes_of("filler"), 0)) == EAGAIN); // senders know that the room is gone
    CHECK(receive(ring) == "second");
    std::string text;
    while ((text = receive(ring)) == "filler")
        ;
    CHECK(text == "error " + std::to_string(EAGAIN));
}

TEST_CASE("waits end in time, by a message, by room, and by a signal")
{
    using namespace std::chrono;
    const Memory memory({.capacity = 4096});
    Ring ring = memory.open();
    const auto begin = steady_clock::now();
    CHECK(code_of(ring.receive({}, 50'000'000)) == ETIMEDOUT);
    const auto waited = steady_clock::now() - begin;
    CHECK(waited >= milliseconds(49));
    CHECK(waited < seconds(20));

    const pid_t child = in_child([&] {
        Ring mine = memory.open();
        return receive(mine, IPC_FOREVER) == "woken" && mine.send(bytes_of("answer")).ok();
    });
    while (ring.overview().waiting_receivers == 0)
        ::usleep(1000);
    REQUIRE(ring.send(bytes_of("woken"), 0).ok());
    CHECK(status_of(child) == 0);
    CHECK(receive(ring, IPC_FOREVER) == "answer");
    CHECK(ring.overview().waiting_receivers == 0);

    while (ring.send(bytes_of("full"), 0).ok())
        ;
    const pid_t sender = in_child([&] { return memory.open().send(bytes_of("at last")).ok(); });
    while (ring.overview().waiting_senders == 0)
        ::usleep(1000);
    std::string last;
    while (last != "at last")
        last = receive(ring, IPC_FOREVER);
    CHECK(status_of(sender) == 0);

    const pid_t interrupted = in_child([&] {
        struct sigaction action = {};
        action.sa_handler = [](int) {};
        ::sigaction(SIGUSR1, &action, nullptr);
        return code_of(memory.open().receive({}, IPC_FOREVER)) == EINTR;
    });
    while (ring.overview().waiting_receivers == 0)
        ::usleep(1000);
    ::kill(interrupted, SIGUSR1);
    CHECK(status_of(interrupted) == 0);
}

TEST_CASE("one message at a time makes room for a sender that sleeps, before long")
{
    const Memory memory({.capacity = 4096});
    Ring ring = memory.open();
    while (ring.send(bytes_of("full"), 0).ok())
        ;
    const pid_t sender = in_child([&] { return memory.open().send(bytes_of("x"), 20'000'000'000).ok(); });
    while (ring.overview().waiting_senders == 0)
        ::usleep(1000);
    CHECK(receive(ring) == "full");
    CHECK(status_of(sender) == 0);
}

TEST_CASE("a child of fork is an opener of its own, and holds nothing that its parent held")
{
    const Memory memory({.capacity = 4096});
    Ring ring = memory.open();
    Ring::Claim claim = valued(ring.claim(4, 0));
    std::memcpy(claim.bytes().data(), "mine", 4);
    const pid_t child = in_child([&] { return code_of(ring.send({}, 0)) == EAGAIN; }); // the parent holds that end
    CHECK(status_of(child) == 0);
    REQUIRE(claim.commit(4).ok());
    const pid_t other = in_child([&] { return receive(ring) == "mine" && ring.send(bytes_of("theirs"), 0).ok(); });
    CHECK(status_of(other) == 0);
    CHECK(receive(ring) == "theirs");
}

TEST_CASE("a file that was made shorter is an error to those who wait")
{
    const Memory memory({.capacity = 65536});
    const pid_t child = in_child([&] { return code_of(memory.open().receive({}, IPC_FOREVER)) == ESTALE; });
    {
        Ring ring = memory.open();
        while (ring.overview().waiting_receivers == 0)
            ::usleep(1000);
    }
    REQUIRE(::ftruncate(memory.descriptor(), 4096) == 0); // the header stays
    CHECK(status_of(child) == 0);
}

TEST_CASE("rings have names of their own in the directory of shared memory, and creation is exclusive")
{
    std::string name = "/ring-test-";
    name += std::to_string(::getpid());
    const ipc::ring::FileName file(name);
    CHECK(std::string_view(file.leaf()).starts_with("ipcring.ring-test-"));
    {
        Ring ring = valued(Ring::create(name, {}, 0640));
        CHECK(code_of(Ring::create(name)) == EEXIST);
        REQUIRE(ring.send(bytes_of("kept"), 0).ok());
    }
    struct stat status;
    REQUIRE(::stat(file.path(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0640);
    CHECK(status.st_blocks * 512 >= 1024 * 1024);
    Ring again = valued(Ring::open(name));
    CHECK(receive(again) == "kept");
    ::unlink(file.path());
    CHECK(code_of(Ring::open(name)) == ENOENT);
    for (const std::string &bad :
         {std::string(), std::string("/"), std::string("/a/b"), std::string("/.."), std::string(250, 'x')})
        CHECK(code_of(Ring::create(bad)) == EINVAL);
}
