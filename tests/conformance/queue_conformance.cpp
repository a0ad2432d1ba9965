// SPDX-License-Identifier: MIT
// ipc.queue/1, as ipc/plugin.h promises it.
#include "catch.hpp"
#include "queue.hpp"
#include "subject.hpp"

#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace conformance;
using ipc::Access;
using ipc::Queue;

namespace {

bool applies()
{
    if (subject().queue())
        return true;
    SUCCEED("no queues");
    return false;
}

struct Received {
    int code = 0;
    std::string bytes;
    std::uint32_t priority = 0;
    std::int64_t type = 0;
    std::uint32_t fields = 0;
};

struct Sent {
    std::optional<std::uint32_t> priority = {};
    std::optional<std::int64_t> type = {};
};

ipc_message message_of(std::string &bytes, const Sent &sent)
{
    ipc_message message = {};
    message.size = sizeof message;
    message.bytes = bytes.data();
    message.length = bytes.size();
    message.fields = (sent.priority ? unsigned{IPC_QUEUE_PRIORITY} : 0u) | (sent.type ? unsigned{IPC_QUEUE_TYPE} : 0u);
    message.priority = sent.priority.value_or(0);
    message.type = sent.type.value_or(0);
    return message;
}

int send(Queue &queue, std::string bytes, const Sent &sent = {}, std::int64_t timeout = 0)
{
    return code_of(queue.send(message_of(bytes, sent), timeout));
}

/// Take (or look at) one message with all the room that the queue may need.
template <typename Take> Received take(Queue &queue, Take &&how)
{
    Received received;
    received.bytes.resize(queue.status()->max_message_size);
    ipc_message message = {};
    message.size = sizeof message;
    message.bytes = received.bytes.data();
    message.capacity = received.bytes.size();
    received.code = code_of(how(message));
    received.bytes.resize(received.code ? 0 : message.length);
    received.priority = message.priority;
    received.type = message.type;
    received.fields = message.fields;
    return received;
}

Received receive(Queue &queue, std::int64_t timeout = 0)
{
    return take(queue, [&](ipc_message &message) { return queue.receive(message, timeout); });
}

Queue created(const FreshAddress &address, std::uint64_t max_messages = 0, std::uint64_t max_message_size = 0)
{
    auto queue = Queue::create(*address, max_messages, max_message_size, {});
    INFO((queue ? "" : queue.error().text()));
    REQUIRE(queue.ok());
    return std::move(queue).value();
}

} // namespace

TEST_CASE("a new queue is empty and says what it takes")
{
    if (!applies())
        return;
    FreshAddress address;
    Queue queue = created(address);
    auto status = queue.status();
    REQUIRE(status.ok());
    CHECK(status->messages == 0);
    CHECK((status->bytes == 0 || status->bytes == IPC_UNKNOWN));
    CHECK(status->max_message_size > 0);
    CHECK((status->max_messages != IPC_UNKNOWN || status->max_bytes != IPC_UNKNOWN));
    CHECK(status->features == queue.features());
}

TEST_CASE("messages keep their bytes, their bounds and their order")
{
    if (!applies())
        return;
    FreshAddress address;
    Queue queue = created(address);
    const std::string every_byte = [] {
        std::string bytes;
        for (int i = 0; i < 256; i++)
            bytes.push_back(static_cast<char>(i));
        return bytes;
    }();
    const std::string messages[] = {"first", "", every_byte, "\n", std::string(3, '\0')};
    for (const std::string &bytes : messages)
        REQUIRE(send(queue, bytes) == 0);
    CHECK(queue.status()->messages == std::size(messages));
    for (const std::string &bytes : messages) {
        const Received received = receive(queue);
        REQUIRE(received.code == 0);
        CHECK(received.bytes == bytes);
    }
    CHECK(queue.status()->messages == 0);
}

TEST_CASE("many messages at once are what they would be one after the other")
{
    if (!applies())
        return;
    FreshAddress address;
    Queue queue = created(address);
    const std::vector<std::string> sent = {"first", "", std::string(200, 'x'), "\n", "last"};
    std::vector<ipc::Message> messages;
    for (const std::string &bytes : sent)
        messages.push_back(ipc::message_of(std::as_bytes(std::span(bytes))));
    std::uint64_t count = 0;
    REQUIRE(queue.send_many(messages, count, 0).ok());
    CHECK(count == sent.size());
    CHECK(queue.status()->messages == sent.size());

    constexpr std::size_t gap = 3, room = 1000;
    const std::size_t largest = queue.status()->max_message_size;
    std::vector<std::string> received;
    // As many as there are places for, as begin within the room, and as there are.
    const std::pair<std::size_t, std::size_t> limits[] = {{2, room}, {9, 1}, {9, room}};
    for (const auto &[places, bytes] : limits) {
        std::string memory(bytes + largest, '#');
        std::vector<ipc::Message> taken(places);
        taken[0] = ipc::message_of(std::as_bytes(std::span(memory)).first(0));
        taken[0].capacity = largest;
        auto many = queue.receive_many(taken, bytes, gap, 0);
        REQUIRE(many.ok());
        std::size_t at = 0;
        for (const ipc::Message &message : std::span(taken).first(*many)) {
            CHECK(message.bytes == memory.data() + at);
            received.emplace_back(static_cast<const char *>(message.bytes), message.length);
            at += message.length;
            CHECK(memory.substr(at, gap) == std::string(gap, '#'));
            at += gap;
        }
        CHECK(received.size() == (places == 2 ? 2u : bytes == 1 ? 3u : 5u));
    }
    CHECK(received == sent);
    std::string memory(largest, '#');
    ipc::Message none = ipc::message_of(std::as_bytes(std::span(memory)));
    CHECK(code_of(queue.receive_many({&none, 1}, 1, 0, 0)) == EAGAIN);
}

TEST_CASE("of many messages those in front of one that cannot be sent are sent, and counted")
{
    if (!applies())
        return;
    FreshAddress address;
    Queue queue = created(address);
    const std::uint64_t largest = queue.status()->max_message_size;
    const std::string small = "small", too_large(largest + 1, 'x');
    const std::span<const std::byte> fits = std::as_bytes(std::span(small)),
                                     refused = std::as_bytes(std::span(too_large));
    std::uint64_t count = 9;
    const ipc::Message some[] = {ipc::message_of(fits), ipc::message_of(fits), ipc::message_of(refused),
                                 ipc::message_of(fits)};
    CHECK(code_of(queue.send_many(some, count, 0)) == EMSGSIZE);
    CHECK(count == 2);
    CHECK(queue.status()->messages == 2);

    const std::string half(largest / 2, 'x');
    const std::vector<ipc::Message> flood(500, ipc::message_of(std::as_bytes(std::span(half))));
    std::uint64_t total = 2;
    int code = 0;
    while (!code) {
        code = code_of(queue.send_many(flood, count, 0));
        total += count;
    }
    CHECK(code == EAGAIN);
    CHECK(queue.status()->messages == total);
}

TEST_CASE("messages outlive their sender")
{
    if (!applies())
        return;
    FreshAddress address;
    (void)created(address);
    REQUIRE(send(*Queue::open(*address, Access::write), "left behind") == 0);
    auto queue = Queue::open(*address, Access::read);
    REQUIRE(queue.ok());
    CHECK(receive(*queue).bytes == "left behind");
}

TEST_CASE("a queue's creation is exclusive and leaves the old one as it was")
{
    if (!applies())
        return;
    FreshAddress address;
    Queue first = created(address);
    REQUIRE(send(first, "mine") == 0);
    auto second = Queue::create(*address, 0, 0, {});
    CHECK(code_of(second) == EEXIST);
    CHECK(is_sentence(second.error().text()));
    CHECK(receive(first).bytes == "mine");
}

TEST_CASE("a queue that is not there is ENOENT and is not created by opening")
{
    if (!applies())
        return;
    FreshAddress address;
    for (const Access access : {Access::read, Access::write, Access::both}) {
        auto queue = Queue::open(*address, access);
        CHECK(code_of(queue) == ENOENT);
        CHECK(is_sentence(queue.error().text()));
    }
}

TEST_CASE("an empty queue is EAGAIN at once and ETIMEDOUT in time")
{
    if (!applies())
        return;
    FreshAddress address;
    Queue queue = created(address);
    CHECK(receive(queue, 0).code == EAGAIN);
    const auto before = std::chrono::steady_clock::now();
    CHECK(receive(queue, 50'000'000).code == ETIMEDOUT);
    const auto waited = std::chrono::steady_clock::now() - before;
    CHECK(waited >= std::chrono::milliseconds(49));
    CHECK(waited < std::chrono::seconds(20));
}

TEST_CASE("a full queue is EAGAIN at once and ETIMEDOUT in time, and takes messages again later")
{
    if (!applies())
        return;
    FreshAddress address;
    Queue queue = created(address);
    int code = 0;
    std::uint64_t sent = 0;
    while (code == 0 && sent < 1'000'000)
        if ((code = send(queue, std::string(queue.status()->max_message_size, 'x'))) == 0)
            sent++;
    CHECK(code == EAGAIN);
    CHECK(sent > 0);
    CHECK(send(queue, std::string(queue.status()->max_message_size, 'x'), {}, 50'000'000) == ETIMEDOUT);
    CHECK(queue.status()->messages == sent);
    CHECK(receive(queue).code == 0);
    CHECK(send(queue, "room again") == 0);
}

TEST_CASE("the largest message passes, one byte more is EMSGSIZE and names both sizes")
{
    if (!applies())
        return;
    FreshAddress address;
    Queue queue = created(address);
    const std::uint64_t most = queue.status()->max_message_size;
    REQUIRE(send(queue, std::string(most, 'y')) == 0);
    CHECK(receive(queue).bytes == std::string(most, 'y'));
    std::string larger(most + 1, 'z');
    auto refused = queue.send(message_of(larger, {}), 0);
    CHECK(code_of(refused) == EMSGSIZE);
    const std::string text = refused.error().text();
    CHECK_THAT(text, ContainsSubstring(std::to_string(most)));
    CHECK_THAT(text, ContainsSubstring(std::to_string(most + 1)));
    CHECK(queue.status()->messages == 0);
}

TEST_CASE("what was asked for at creation is what the queue has, or is refused")
{
    if (!applies())
        return;
    FreshAddress address;
    auto queue = Queue::create(*address, 3, 100, {});
    if (!queue) {
        CHECK(is_sentence(queue.error().text()));
        CHECK(code_of(Queue::open(*address, Access::read)) == ENOENT);
        return;
    }
    auto status = queue->status();
    CHECK((status->max_messages == 3 || status->max_bytes == 300));
    for (int i = 0; i < 3; i++)
        CHECK(send(*queue, std::string(100, 'q')) == 0);
    CHECK(send(*queue, std::string(100, 'q')) == EAGAIN);
}

TEST_CASE("limits beyond all reason are refused and leave nothing behind")
{
    if (!applies())
        return;
    for (const std::uint64_t most : {std::uint64_t(1) << 40, std::numeric_limits<std::uint64_t>::max()}) {
        FreshAddress address;
        auto queue = Queue::create(*address, most, most, {});
        REQUIRE_FALSE(queue.ok());
        CHECK(is_sentence(queue.error().text()));
        CHECK(code_of(Queue::open(*address, Access::read)) == ENOENT);
    }
}

TEST_CASE("the highest priority comes first, equal ones in their order")
{
    if (!applies() || !(subject().queue()->features & IPC_QUEUE_PRIORITY))
        return;
    FreshAddress address;
    Queue queue = created(address);
    for (const auto &[bytes, priority] : {std::pair{"low", 1u}, {"high", 9u}, {"high too", 9u}, {"lowest", 0u}})
        REQUIRE(send(queue, bytes, {.priority = priority}) == 0);
    for (const auto &[bytes, priority] : {std::pair{"high", 9u}, {"high too", 9u}, {"low", 1u}, {"lowest", 0u}}) {
        const Received received = receive(queue);
        CHECK(received.bytes == bytes);
        CHECK(received.priority == priority);
        CHECK((received.fields & IPC_QUEUE_PRIORITY));
    }
    // There may be no bound but that of the number.
    const auto highest = std::numeric_limits<std::uint32_t>::max();
    if (const int code = send(queue, "x", {.priority = highest}))
        CHECK(code == EINVAL);
    else
        CHECK(receive(queue).priority == highest);
}

TEST_CASE("a type is carried, and one that is not positive is EINVAL")
{
    if (!applies() || !(subject().queue()->features & IPC_QUEUE_TYPE))
        return;
    FreshAddress address;
    Queue queue = created(address);
    REQUIRE(send(queue, "seven", {.type = 7}) == 0);
    REQUIRE(send(queue, "large", {.type = std::int64_t(1) << 40}) == 0);
    const Received seven = receive(queue), large = receive(queue);
    CHECK(seven.type == 7);
    CHECK((seven.fields & IPC_QUEUE_TYPE));
    CHECK(large.type == std::int64_t(1) << 40);
    CHECK(send(queue, "x", {.type = 0}) == EINVAL);
    CHECK(send(queue, "x", {.type = -1}) == EINVAL);
}

TEST_CASE("a field that the mechanism has not is EINVAL, unless it is the neutral one")
{
    if (!applies())
        return;
    FreshAddress address;
    Queue queue = created(address);
    if (!(queue.features() & IPC_QUEUE_PRIORITY)) {
        CHECK(send(queue, "x", {.priority = 5}) == EINVAL);
        CHECK(send(queue, "x", {.priority = 0}) == 0);
    }
    if (!(queue.features() & IPC_QUEUE_TYPE)) {
        CHECK(send(queue, "x", {.type = 5}) == EINVAL);
        CHECK(send(queue, "x", {.type = 1}) == 0);
    }
}

TEST_CASE("peeking takes nothing and ends with ENOMSG")
{
    if (!applies() || !subject().queue()->peek)
        return;
    FreshAddress address;
    Queue queue = created(address);
    for (const char *bytes : {"first", "", "third"})
        REQUIRE(send(queue, bytes) == 0);
    for (int round = 0; round < 2; round++) {
        const auto peek = [&](std::uint64_t index) {
            return take(queue, [&](ipc_message &message) { return queue.peek(index, message); });
        };
        CHECK(peek(0).bytes == "first");
        CHECK(peek(1).code == 0);
        CHECK(peek(2).bytes == "third");
        CHECK(peek(3).code == ENOMSG);
        CHECK(peek(std::numeric_limits<std::uint64_t>::max()).code == ENOMSG);
        CHECK(queue.status()->messages == 3);
    }
}

TEST_CASE("waiting takes nothing, and ends when it is so or the time is over")
{
    if (!applies() || !subject().queue()->wait)
        return;
    FreshAddress address;
    Queue queue = created(address);
    CHECK(code_of(queue.wait(IPC_WAIT_MESSAGE, 0)) == EAGAIN);
    CHECK(code_of(queue.wait(IPC_WAIT_MESSAGE, 20'000'000)) == ETIMEDOUT);
    CHECK(queue.wait(IPC_WAIT_SPACE, 0).ok());
    while (send(queue, std::string(queue.status()->max_message_size, 'x')) == 0)
        ;
    CHECK(queue.wait(IPC_WAIT_MESSAGE, 0).ok());
    CHECK(code_of(queue.wait(IPC_WAIT_SPACE, 0)) == EAGAIN);
    CHECK(code_of(queue.wait(IPC_WAIT_SPACE, 20'000'000)) == ETIMEDOUT);
    const std::uint64_t waiting = queue.status()->messages;
    CHECK(receive(queue).code == 0);
    CHECK(queue.status()->messages == waiting - 1);
    CHECK(queue.wait(IPC_WAIT_SPACE, IPC_FOREVER).ok());
}

TEST_CASE("a message that was put back is received again")
{
    if (!applies() || !subject().queue()->put_back)
        return;
    FreshAddress address;
    Queue queue = created(address);
    REQUIRE(send(queue, "boomerang") == 0);
    std::string room(queue.status()->max_message_size, '\0');
    ipc_message message = {};
    message.size = sizeof message;
    message.bytes = room.data();
    message.capacity = room.size();
    REQUIRE(queue.receive(message, 0).ok());
    REQUIRE(queue.put_back(message).ok());
    CHECK(receive(queue).bytes == "boomerang");
}

TEST_CASE("a mechanism that says so puts messages back in front of all others")
{
    if (!applies() || !subject().queue()->put_back || !(subject().queue()->features & IPC_QUEUE_FRONT))
        return;
    FreshAddress address;
    Queue queue = created(address);
    for (const char *bytes : {"first", "second"})
        REQUIRE(send(queue, bytes) == 0);
    std::string taken = receive(queue).bytes;
    REQUIRE(taken == "first");
    REQUIRE(send(queue, "third") == 0);
    REQUIRE(queue.put_back(message_of(taken, {})).ok());
    for (const char *bytes : {"first", "second", "third"})
        CHECK(receive(queue).bytes == bytes);
}

TEST_CASE("a receiver that waits gets what comes")
{
    if (!applies())
        return;
    FreshAddress address;
    Queue queue = created(address);
    const pid_t child = ::fork();
    if (child == 0) {
        auto mine = Queue::open(*address, Access::read);
        ::_exit(mine.ok() && receive(*mine, 20'000'000'000).bytes == "at last" ? 0 : 1);
    }
    ::usleep(20'000);
    REQUIRE(send(queue, "at last") == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a receiver that waits learns of the removal")
{
    if (!applies() || !subject().descriptor().remove)
        return;
    FreshAddress address;
    Queue queue = created(address);
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        auto mine = Queue::open(*address, Access::both);
        const bool told = mine.ok() && ::write(ready[1], "", 1) == 1;
        ::_exit(told && receive(*mine, 60'000'000'000).code == EIDRM ? 0 : 1);
    }
    char byte;
    ::close(ready[1]);
    CHECK(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    ::usleep(20'000);
    CHECK(conformance::remove(*address, nullptr).ok());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("a signal that is no request to stop does not make a wait longer")
{
    using namespace std::chrono;
    if (!applies())
        return;
    FreshAddress address;
    Queue queue = created(address);
    struct sigaction action = {}, before = {};
    action.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGALRM, &action, &before) == 0);
    const itimerval late = {{0, 0}, {1, 800'000}};
    ::setitimer(ITIMER_REAL, &late, nullptr);
    const auto begin = steady_clock::now();
    CHECK(receive(queue, 2'000'000'000).code == ETIMEDOUT);
    const auto waited = steady_clock::now() - begin;
    CHECK(waited >= milliseconds(1999));
    CHECK(waited < milliseconds(3700)); // it would be 3.8 s if the time began anew
    ::sigaction(SIGALRM, &before, nullptr);
}

TEST_CASE("a stale identity removes no queue")
{
    if (!applies() || !subject().descriptor().remove)
        return;
    FreshAddress address;
    ipc_identity identity;
    {
        Queue first = created(address);
        identity = first.status()->identity;
        REQUIRE(conformance::remove(*address, &identity).ok());
    }
    CHECK(code_of(Queue::open(*address, Access::read)) == ENOENT);
    Queue second = created(address);
    auto stale = conformance::remove(*address, &identity);
    CHECK(code_of(stale) == ESTALE);
    CHECK(Queue::open(*address, Access::read).ok());
    CHECK(conformance::remove(*address).ok());
    CHECK(code_of(conformance::remove(*address)) == ENOENT);
}
