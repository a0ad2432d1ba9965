// SPDX-License-Identifier: MIT
// ipc.stream/1, as ipc/plugin.h promises it, and the queue that the host makes of it.
#include "catch.hpp"
#include "queue.hpp"
#include "stream.hpp"
#include "subject.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>

using namespace conformance;
using ipc::Access;
using ipc::Fd;
using ipc::Queue;
using ipc::Stream;

namespace {

bool applies()
{
    if (subject().stream())
        return true;
    SUCCEED("no streams");
    return false;
}

/// An address at which a receiver can listen.
struct Place : FreshAddress {
    Place()
    {
        if (subject().stream()->create)
            REQUIRE(Queue::create(**this, 0, 0, {}).ok());
    }
};

Stream listening(const Place &place)
{
    auto stream = Stream::listen(subject(), *place);
    INFO((stream ? "" : stream.error().text()));
    REQUIRE(stream.ok());
    return std::move(stream).value();
}

bool is_readable(int descriptor)
{
    pollfd ready = {descriptor, POLLIN, 0};
    return ::poll(&ready, 1, 20'000) == 1;
}

bool neither_blocks_nor_is_inherited(int descriptor)
{
    return (::fcntl(descriptor, F_GETFL) & O_NONBLOCK) && (::fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
}

std::string received(Queue &queue)
{
    std::string room(queue.status()->max_message_size, '\0');
    ipc_message message = {};
    message.size = sizeof message;
    message.bytes = room.data();
    message.capacity = room.size();
    auto done = queue.receive(message, 20'000'000'000);
    INFO((done ? "" : done.error().text()));
    REQUIRE(done.ok());
    return room.substr(0, message.length);
}

int send(Queue &queue, std::string bytes)
{
    ipc_message message = {};
    message.size = sizeof message;
    message.bytes = bytes.data();
    message.length = bytes.size();
    auto sent = queue.send(message, 20'000'000'000);
    return sent ? code_of(queue.flush(20'000'000'000)) : sent.error().code();
}

} // namespace

TEST_CASE("a mechanism offers queues or streams, not both") { CHECK_FALSE((subject().stream() && subject().queue())); }

TEST_CASE("what a sender writes comes out at the receiver")
{
    if (!applies())
        return;
    Place place;
    Stream receiver = listening(place);
    auto sender = Stream::connect(subject(), *place, 0);
    REQUIRE(sender.ok());
    CHECK(neither_blocks_nor_is_inherited(receiver.descriptor()));
    CHECK(neither_blocks_nor_is_inherited(sender->descriptor()));
    CHECK(sender->keeps_records() == receiver.keeps_records());
    std::optional<Fd> accepted;
    int from = receiver.descriptor();
    if (receiver.accepts()) {
        REQUIRE(is_readable(from));
        accepted.emplace(std::move(receiver.accept()).value());
        from = accepted->get();
        CHECK(neither_blocks_nor_is_inherited(from));
        CHECK(code_of(receiver.accept()) == EAGAIN);
    }
    REQUIRE(::write(sender->descriptor(), "hello", 5) == 5);
    REQUIRE(is_readable(from));
    char bytes[16];
    CHECK(::read(from, bytes, sizeof bytes) == 5);
    CHECK(std::string(bytes, 5) == "hello");
}

TEST_CASE("without a receiver a sender is told EAGAIN at once and ETIMEDOUT in time")
{
    if (!applies())
        return;
    Place place;
    auto once = Stream::connect(subject(), *place, 0);
    CHECK(code_of(once) == EAGAIN);
    CHECK(is_sentence(once.error().text()));
    CHECK(code_of(Stream::connect(subject(), *place, 30'000'000)) == ETIMEDOUT);
}

TEST_CASE("where senders are accepted a second receiver is refused, and may follow the first")
{
    if (!applies())
        return;
    Place place;
    {
        Stream first = listening(place);
        if (first.accepts()) {
            auto second = Stream::listen(subject(), *place);
            CHECK(code_of(second) == EADDRINUSE);
            CHECK(is_sentence(second.error().text()));
        }
    }
    (void)listening(place);
}

TEST_CASE("what lasts is made exclusively, and has to be made first")
{
    if (!applies() || !subject().stream()->create)
        return;
    FreshAddress address;
    CHECK(code_of(Stream::listen(subject(), *address)) == ENOENT);
    CHECK(code_of(Stream::connect(subject(), *address, 0)) == ENOENT);
    REQUIRE(Queue::create(*address, 0, 0, {}).ok());
    CHECK(code_of(Queue::create(*address, 0, 0, {})) == EEXIST);
    CHECK(code_of(Queue::create(*address, 1, 1, {})) == EINVAL);
    CHECK(conformance::remove(*address).ok());
    CHECK(code_of(Stream::listen(subject(), *address)) == ENOENT);
}

TEST_CASE("a shared channel that has ended waits for the next senders, under the same number")
{
    if (!applies() || !subject().stream()->renew)
        return;
    Place place;
    Stream receiver = listening(place);
    const int descriptor = receiver.descriptor();
    for (int round = 0; round < 2; round++) {
        {
            auto sender = Stream::connect(subject(), *place, 0);
            REQUIRE(sender.ok());
            REQUIRE(::write(sender->descriptor(), "x", 1) == 1);
        }
        char bytes[2];
        REQUIRE(::read(descriptor, bytes, 2) == 1);
        REQUIRE(is_readable(descriptor)); // the end
        REQUIRE(::read(descriptor, bytes, 2) == 0);
        REQUIRE(receiver.renew().ok());
        CHECK(receiver.descriptor() == descriptor);
        pollfd ready = {descriptor, POLLIN, 0};
        CHECK(::poll(&ready, 1, 0) == 0);
    }
}

TEST_CASE("the queue that is made of it keeps messages apart, for several senders")
{
    if (!applies())
        return;
    Place place;
    auto receiver = Queue::open(*place, Access::both);
    REQUIRE(receiver.ok());
    ipc_message nothing = {};
    nothing.size = sizeof nothing;
    std::string room(receiver->status()->max_message_size, '\0');
    nothing.bytes = room.data();
    nothing.capacity = room.size();
    CHECK(code_of(receiver->receive(nothing, 0)) == EAGAIN);
    auto one = Queue::open(*place, Access::write), two = Queue::open(*place, Access::write);
    REQUIRE(one.ok());
    REQUIRE(two.ok());
    REQUIRE(send(*one, "first") == 0);
    CHECK(received(*receiver) == "first");
    REQUIRE(send(*two, "") == 0);
    CHECK(received(*receiver).empty());
    REQUIRE(send(*one, std::string(30'000, 'l')) == 0);
    CHECK(received(*receiver) == std::string(30'000, 'l'));
    CHECK(one->status()->in_hand == 0);
    CHECK_FALSE(receiver->can_put_back());
}
