// SPDX-License-Identifier: MIT
// ipc/ring.hpp and peers who write what they like into its memory: errors and wrong messages, but no crash and no hang.
#include "ring_fixture.hpp"

#include <chrono>
#include <csignal>
#include <random>

using namespace ring_test;
using ipc::ring::Header;
using ipc::ring::Shared;

namespace {

using Random = std::mt19937_64;

/// Numbers that find mistakes: small, at the limits of everything, near `around`, or any.
std::uint64_t nasty(Random &random, std::uint64_t around)
{
    const std::uint64_t limits[] = {0,    1,     7,          8,          9,          4088,      4096,
                                    4097, 65536, 1ull << 31, 1ull << 32, 1ull << 63, UINT64_MAX};
    switch (random() % 4) {
    case 0:
        return limits[random() % std::size(limits)];
    case 1:
        return around + random() % 64 - 32;
    case 2:
        return around + (random() % 8192 - 4096) * 8;
    default:
        return random();
    }
}

/// Every function once, with whatever comes of it. No wait is longer than its time.
void use_all(const Memory &memory)
{
    const auto opened = Ring::adopt(ipc::Fd(::fcntl(memory.descriptor(), F_DUPFD_CLOEXEC, 0)));
    if (!opened)
        return;
    Ring &ring = const_cast<Ring &>(*opened.operator->());
    std::vector<std::byte> buffer(300);
    (void)ring.overview();
    (void)ipc::ring::look(memory.descriptor());
    for (std::uint64_t index = 0; index < 5; index++)
        (void)ring.peek(index, buffer);
    (void)ring.put_back(std::span(buffer).first(100));
    (void)ring.receive(buffer, 0);
    (void)ring.send(std::span(buffer).first(64), 0);
    const Ring::Bytes batch[] = {buffer, {}, std::span(buffer).first(9)};
    (void)ring.send_batch(batch, 0);
    if (auto claim = ring.claim(200, 0)) {
        std::memset(claim->bytes().data(), 1, claim->bytes().size());
        (void)claim->commit(150);
    }
    if (auto front = ring.front(0)) {
        std::size_t sum = 0;
        for (const std::byte byte : front->bytes())
            sum += std::size_t(byte);
        CHECK(sum <= 255 * front->bytes().size());
        front->take();
    }
    std::size_t seen = 0;
    (void)ring.receive_batch([&](Ring::Bytes message) { return message.size() <= ring.capacity() && seen++ < 600; }, 0);
    CHECK(seen <= 601);
}

void write(const Memory &memory, std::size_t offset, const void *bytes, std::size_t length)
{
    REQUIRE(::pwrite(memory.descriptor(), bytes, length, off_t(offset)) == ssize_t(length));
}

/// A ring with some messages, whose positions lie at `start`.
void fill(const Memory &memory, Random &random)
{
    Ring ring = memory.open();
    const std::string text = pattern(200, 5);
    for (std::uint64_t i = random() % 40; i; i--) {
        (void)ring.send(bytes_of(std::string_view(text).substr(random() % 200)), 0);
        if (random() % 2)
            (void)receive(ring);
    }
}

} // namespace

TEST_CASE("thousands of damaged rings are used without a crash")
{
    Random random(1);
    for (int image = 0; image < 4000; image++) {
        INFO("image " << image);
        const Memory memory({.capacity = 4096, .max_messages = image % 3 ? 0u : 5u, .max_message_size = 300});
        fill(memory, random);
        for (std::uint64_t changes = 1 + random() % 4; changes; changes--) {
            // Locks stay open here: a closed one costs a nap, and has its own test below.
            const std::size_t words[] = {
                offsetof(Shared, sender.mark.word),  offsetof(Shared, receiver.mark.word),
                offsetof(Shared, sender.gate.seen),  offsetof(Shared, receiver.gate.seen),
                offsetof(Shared, sender.bell),       offsetof(Shared, receiver.bell),
                offsetof(Shared, receiver.mark) + 8, offsetof(Shared, sender.mark) + 24,
                4096 + (random() % 4096 & ~7ull),    offsetof(Shared, sender.mark.word),
            };
            const std::size_t at = words[random() % std::size(words)];
            std::uint64_t before = 0;
            REQUIRE(::pread(memory.descriptor(), &before, 8, off_t(at)) == 8);
            const std::uint64_t now = nasty(random, before) & (random() % 2 ? ~6ull : ~0ull);
            write(memory, at, &now, sizeof now);
        }
        use_all(memory);
    }
}

TEST_CASE("a header that anybody made up is refused or consistent")
{
    Random random(2);
    int accepted = 0;
    for (int image = 0; image < 4000; image++) {
        INFO("image " << image);
        const Memory memory({.capacity = 4096});
        Header header;
        REQUIRE(::pread(memory.descriptor(), &header, sizeof header, 0) == ssize_t(sizeof header));
        std::uint64_t *members[] = {&header.total, &header.capacity, &header.max_messages, &header.max_message_size,
                                    &header.reserved};
        for (std::uint64_t changes = 1 + random() % 3; changes; changes--) {
            std::uint64_t &member = *members[random() % std::size(members)];
            member = nasty(random, member);
        }
        if (random() % 4 == 0)
            header.data_offset = std::uint32_t(nasty(random, 4096));
        if (random() % 8)
            header.checksum = ipc::ring::checksum_of(header);
        if (random() % 4 == 0)
            REQUIRE(::ftruncate(memory.descriptor(), off_t(std::min<std::uint64_t>(header.total, 1 << 20))) == 0);
        write(memory, 0, &header, sizeof header);
        const auto opened = ipc::ring::read_header(memory.descriptor());
        accepted += opened.ok();
        if (!opened)
            CHECK((opened.error().code() == EBADMSG || opened.error().code() == EINVAL));
        use_all(memory);
    }
    CHECK(accepted > 10);
    CHECK(accepted < 3000);
}

TEST_CASE("what is no ring, of another version, or cut short is told apart")
{
    const Memory memory({.capacity = 4096});
    const auto refusal = [&] {
        const auto opened = Ring::adopt(ipc::Fd(::fcntl(memory.descriptor(), F_DUPFD_CLOEXEC, 0)));
        REQUIRE_FALSE(opened.ok());
        return opened.error().code();
    };
    REQUIRE(::ftruncate(memory.descriptor(), 8191) == 0);
    CHECK(refusal() == EBADMSG);
    REQUIRE(::ftruncate(memory.descriptor(), 8192) == 0);
    memory.open();
    const std::uint32_t later = 2;
    write(memory, offsetof(Header, version), &later, sizeof later);
    CHECK(refusal() == EPROTONOSUPPORT);
    write(memory, 0, "whatever", 8);
    CHECK(refusal() == EINVAL);
    REQUIRE(::ftruncate(memory.descriptor(), 0) == 0);
    CHECK(refusal() == EINVAL);
}

TEST_CASE("locks that nobody living holds are taken over, whatever stands in them")
{
    for (const std::uint32_t word :
         {1u, 0x3fffffffu, 0x40000000u, 0x7fffffffu, 0x80000000u, 0x80000001u, 0xffffffffu}) {
        const Memory memory({.capacity = 4096});
        Ring ring = memory.open();
        write(memory, offsetof(Shared, sender.gate.owner), &word, sizeof word);
        write(memory, offsetof(Shared, receiver.gate.owner), &word, sizeof word);
        const auto begin = std::chrono::steady_clock::now();
        CHECK(ring.send(bytes_of("through"), 0).ok());
        CHECK(receive(ring) == "through");
        CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));
    }
}

TEST_CASE("a lock that a living opener never gives back is an error in time, which names the process")
{
    const Memory memory({.capacity = 4096});
    const pid_t holder = in_child([&] {
        Ring ring = memory.open();
        const Ring::Claim claim = valued(ring.claim(8));
        ::pause();
        return true;
    });
    Ring ring = memory.open();
    while (ring.overview().sending != std::uint32_t(holder))
        ::usleep(1000);
    const auto at_once = ring.send({}, 0);
    CHECK(code_of(at_once) == EAGAIN);
    CHECK_THAT(at_once.error().text(), ContainsSubstring(std::to_string(holder)));
    CHECK(code_of(ring.send({}, 50'000'000)) == ETIMEDOUT);
    CHECK(code_of(ring.put_back({})) == EAGAIN);
    CHECK(receive(ring) == "error " + std::to_string(EAGAIN)); // the other end is free
    ::kill(holder, SIGKILL);
    status_of(holder);
    CHECK(ring.send(bytes_of("after its death"), 0).ok());
    CHECK(receive(ring) == "after its death");
}

TEST_CASE("a peer that scribbles all the time cannot make a call crash or hang")
{
    const Memory memory({.capacity = 4096, .max_message_size = 300});
    const pid_t scribbler = in_child([&] {
        Random random(3);
        auto *words = static_cast<volatile std::uint64_t *>(
            ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, memory.descriptor(), 0));
        for (;;) {
            const std::uint64_t at = sizeof(Header) / 8 + random() % (8192 / 8 - sizeof(Header) / 8);
            if (at * 8 != offsetof(Shared, sender.gate.owner) && at * 8 != offsetof(Shared, receiver.gate.owner))
                words[at] = nasty(random, words[at]);
            words[offsetof(Shared, sender.mark.word) / 8] = random() % 8192 & ~6ull;
            words[offsetof(Shared, receiver.mark.word) / 8] = random() % 4096 & ~6ull;
        }
        return true;
    });
    const auto begin = std::chrono::steady_clock::now();
    int rounds = 0;
    while (std::chrono::steady_clock::now() - begin < std::chrono::seconds(1)) {
        use_all(memory);
        rounds++;
    }
    ::kill(scribbler, SIGKILL);
    status_of(scribbler);
    CHECK(rounds > 1);
}
