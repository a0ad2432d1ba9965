// SPDX-License-Identifier: MIT
// boost-mq and queues that lie, are damaged, locked, or change while they are used. Under the sanitizers this is also
// the proof that nothing is read or written where it may not be.
#include "boost_mq.hpp"
#include "catch.hpp"
#include "plugins.hpp"

#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <optional>
#include <random>

using namespace boost_mq_test;
using ipc::Access;
using ipc::Queue;

namespace {

constexpr std::size_t messages = 12, size = 40;
// As layout.hpp has them.
constexpr std::size_t index_at = 16, max_messages_at = 24, max_size_at = 32, count_at = 40, mutex_at = 48,
                      owner_at = mutex_at + 8, kind_at = mutex_at + 16, conditions_at = 88, first_at = 184,
                      receivers_at = 200, slots_at = 208, blocks_at = slots_at + 8 * messages;

/// The bytes of a sound queue with messages that have gone round in it.
std::string sound_image()
{
    const FreshName name;
    BoostQueue queue(interprocess::create_only, name.text(), messages, size);
    for (int i = 0; i < 20; i++) {
        REQUIRE(send(queue, "message " + std::to_string(i), static_cast<unsigned>(i % 4)));
        if (i % 2)
            (void)receive(queue);
    }
    const ipc::Fd file = name.file();
    std::string image(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    REQUIRE(::pread(file.get(), image.data(), image.size(), 0) == static_cast<ssize_t>(image.size()));
    return image;
}

void store(const FreshName &name, std::string_view image)
{
    ::shm_unlink(name.text()); // what was mapped of the one before must not change
    const ipc::Fd file(::shm_open(name.text(), O_CREAT | O_RDWR, 0600));
    REQUIRE(::ftruncate(file.get(), static_cast<off_t>(image.size())) == 0);
    REQUIRE(::pwrite(file.get(), image.data(), image.size(), 0) == static_cast<ssize_t>(image.size()));
}

template <typename T> void put(std::string &image, std::size_t offset, T value)
{
    std::memcpy(image.data() + offset, &value, sizeof value);
}

bool is_sentence(const std::string &text)
{
    return !text.empty() &&
           std::none_of(text.begin(), text.end(), [](char letter) { return static_cast<unsigned char>(letter) < ' '; });
}

std::optional<std::string> listed(const FreshName &name)
{
    const ipc_inspect_v1 *inspect = (*ipc::load_plugin("boost-mq"))->inspect();
    struct Search {
        const char *name;
        std::optional<std::string> detail;
    } search{name.text(), {}};
    REQUIRE(ipc::call(
                inspect->list,
                +[](void *context, const ipc_object *object) {
                    auto &wanted = *static_cast<Search *>(context);
                    if (std::strcmp(object->name, wanted.name) == 0)
                        wanted.detail = object->detail ? object->detail : "";
                    return 0;
                },
                static_cast<void *>(&search))
                .ok());
    return search.detail;
}

std::string looked_at(const FreshName &name)
{
    const ipc_inspect_v1 *inspect = (*ipc::load_plugin("boost-mq"))->inspect();
    const ipc::Address address = name.address();
    const ipc::CrossingAddress crossing(address);
    std::string detail;
    (void)ipc::call(
        inspect->look, crossing.get(),
        +[](void *context, const ipc_object *object) {
            *static_cast<std::string *>(context) = object->detail ? object->detail : "";
            return 0;
        },
        static_cast<void *>(&detail));
    return detail;
}

/// Everything that can be done with a queue: each answer is a message that could be one, or a sentence.
struct Outcome {
    int opened = 0, refused = 0, received = 0, sent = 0;

    void examine(const FreshName &name)
    {
        (void)listed(name);
        (void)looked_at(name);
        auto queue = Queue::open(name.address(), Access::both);
        if (!queue) {
            refused++;
            CHECK(is_sentence(queue.error().text()));
            return;
        }
        opened++;
        (void)queue->status();
        for (std::uint64_t index = 0; index < messages + 2; index++)
            check(peek(*queue, size, index));
        for (unsigned i = 0; i < 4; i++) {
            auto done = send(*queue, std::string(i * 13, 'x'), i * 2);
            done.ok() ? sent++ : 0;
            if (!done)
                CHECK(is_sentence(done.error().text()));
            received += check(receive(*queue, size));
        }
        for (std::size_t i = 0; i < messages + 2; i++)
            received += check(receive(*queue, size));
    }

    static bool check(const Taken &taken)
    {
        if (taken.code == 0)
            CHECK(taken.bytes.size() <= size);
        else
            CHECK(is_sentence(taken.error));
        return taken.code == 0;
    }
};

class Vandal {
public:
    explicit Vandal(unsigned seed) : random_(seed) {}

    /// Everywhere but in the lock and the condition variables.
    std::string damage(std::string image)
    {
        for (std::uint64_t changes = 1 + below(5); changes > 0; changes--)
            change(image, below(3) == 0 ? image.size() : below(2) == 0 ? blocks_at : slots_at);
        if (below(10) == 0)
            image.resize(below(image.size()));
        return image;
    }
    /// Only there.
    std::string damage_lock(std::string image)
    {
        for (std::uint64_t i = 0; i < 1 + below(40); i++)
            image[mutex_at + below(first_at - mutex_at)] = static_cast<char>(random_());
        put(image, receivers_at, std::uint64_t(1));
        return image;
    }

private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    void change(std::string &image, std::size_t reach)
    {
        const std::size_t word = below(reach / 8) * 8;
        if (word + 8 > mutex_at && word < first_at)
            return;
        const std::uint64_t values[] = {0, 1, 2, 11, 12, 13, ~std::uint64_t(0), std::uint64_t(1) << 63, random_()};
        std::uint64_t old = 0;
        std::memcpy(&old, image.data() + word, sizeof old);
        switch (below(3)) {
        case 0:
            put(image, word, old ^ std::uint64_t(1) << below(64));
            break;
        case 1:
            put(image, word, values[below(std::size(values))]);
            break;
        default:
            put(image, word, old + 56 * below(16) - 8 * below(64));
        }
    }

    std::mt19937_64 random_;
};

class Child {
public:
    explicit Child(const std::function<void()> &work) : process_(::fork())
    {
        if (process_ == 0) {
            work();
            ::_exit(0);
        }
    }
    ~Child()
    {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }

private:
    pid_t process_;
};

} // namespace

TEST_CASE("what is no queue, or a damaged one, is an error that names the field")
{
    struct Case {
        std::size_t offset;
        std::uint64_t value;
        const char *says;
    };
    const std::string image = sound_image();
    for (const Case &wrong : {
             Case{0, 0, "first word is 0"},
             Case{0, 1, "first word is 1"},
             Case{0, 3, "first word is 3"},
             Case{0, 0x1234, "first word is 0x1234"},
             Case{index_at, 100, "index would be 100 bytes on"},
             Case{max_messages_at, 13, "13 messages"},
             Case{max_messages_at, 0, "0 messages"},
             Case{max_messages_at, ~std::uint64_t(0), "not the right one"},
             Case{max_size_at, 1 << 20, "1048576 bytes"},
             Case{max_size_at, ~std::uint64_t(0), "not the right one"},
             Case{count_at, 13, "13 messages wait"},
             Case{first_at, 12, "first message would be number 12"},
         }) {
        const FreshName name;
        std::string changed = image;
        put(changed, wrong.offset, wrong.value);
        store(name, changed);
        for (const Access access : {Access::read, Access::both}) {
            auto queue = Queue::open(name.address(), access);
            REQUIRE_FALSE(queue.ok());
            CHECK_THAT(queue.error().text(), ContainsSubstring(wrong.says));
            CHECK(is_sentence(queue.error().text()));
        }
        CHECK_THAT(looked_at(name), ContainsSubstring(wrong.says));
    }
}

TEST_CASE("only what looks like a queue is listed, damaged ones with what is wrong")
{
    const FreshName sound, plain, damaged;
    store(sound, sound_image());
    store(plain, std::string(4096, '\2'));
    std::string image = sound_image();
    put(image, count_at, std::uint64_t(1000));
    store(damaged, image);
    CHECK(listed(sound) == "");
    CHECK_FALSE(listed(plain));
    REQUIRE(listed(damaged));
    CHECK_THAT(*listed(damaged), ContainsSubstring("damaged"));
    CHECK_THAT(looked_at(plain), ContainsSubstring("no queue of Boost"));
}

TEST_CASE("no damage to a queue makes its use end otherwise than with a message or a sentence")
{
    const std::string image = sound_image();
    const FreshName name;
    Vandal vandal(1);
    Outcome outcome;
    for (int round = 0; round < 4000; round++) {
        INFO("round " << round);
        store(name, vandal.damage(image));
        outcome.examine(name);
    }
    CHECK(outcome.opened > 1000);
    CHECK(outcome.refused > 500);
    CHECK(outcome.sent > 1000);
    CHECK(outcome.received > 1000);
}

TEST_CASE("no damage to the lock or to a condition variable makes anybody wait for long")
{
    const std::string image = sound_image();
    const FreshName name;
    Vandal vandal(2);
    for (int round = 0; round < 12; round++) {
        INFO("round " << round);
        store(name, vandal.damage_lock(image));
        auto queue = Queue::open(name.address(), Access::both);
        REQUIRE(queue.ok());
        (void)listed(name);
        CHECK(peek(*queue, size, 0).code == 0);
        const auto before = std::chrono::steady_clock::now();
        (void)send(*queue, "text", 1);
        Outcome::check(receive(*queue, size));
        CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(15));
    }
}

TEST_CASE("a lock whose holder does not exist is found in time, also one that is not robust")
{
    const std::string image = sound_image();
    for (const std::uint32_t kind : {0x80u, 0x90u}) {
        const FreshName name;
        std::string changed = image;
        const std::uint32_t nobody = 0x3ffffff0;
        put(changed, mutex_at, kind & 0x10 ? nobody : 1u);
        put(changed, owner_at, nobody);
        put(changed, kind_at, kind);
        store(name, changed);
        auto queue = Queue::open(name.address(), Access::both);
        for (const std::int64_t timeout : {std::int64_t(0), std::int64_t(100'000'000), std::int64_t(IPC_FOREVER)}) {
            CHECK(receive(*queue, size, timeout).code == EOWNERDEAD);
            CHECK_THAT(send(*queue, "x", 1, timeout).error().text(), ContainsSubstring("mqrm --rescue"));
        }
        CHECK(peek(*queue, size, 0).code == 0);
        CHECK_THAT(*listed(name), ContainsSubstring("does not exist here"));
    }
}

TEST_CASE("a lock that a living process holds is waited for as long as was said, and that is told")
{
    const FreshName name;
    std::string image = sound_image();
    put(image, mutex_at, std::uint32_t(::getppid()));
    put(image, owner_at, std::uint32_t(::getppid()));
    store(name, image);
    auto queue = Queue::open(name.address(), Access::both);
    REQUIRE(queue.ok());
    const Taken at_once = receive(*queue, size), later = receive(*queue, size, 50'000'000);
    CHECK(at_once.code == EAGAIN);
    CHECK(later.code == ETIMEDOUT);
    CHECK_THAT(later.error, ContainsSubstring("held by thread " + std::to_string(::getppid())));
    CHECK(peek(*queue, size, 0).code == 0);
}

TEST_CASE("a queue that was left in the middle of a change shows each whole message once")
{
    const FreshName name;
    BoostQueue made(interprocess::create_only, name.text(), messages, size);
    for (unsigned i = 1; i <= 5; i++)
        REQUIRE(send(made, "text " + std::to_string(i), i));
    const ipc::Fd file = name.file();
    std::string image(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    REQUIRE(::pread(file.get(), image.data(), image.size(), 0) > 0);
    // The third was to be moved up, to make room before it: it stands twice, and the fifth has left the index.
    std::uint64_t first = 0;
    std::memcpy(&first, image.data() + first_at, sizeof first);
    const auto slot = [&](std::uint64_t position) { return slots_at + 8 * ((first + position) % messages); };
    const auto move = [&](std::uint64_t from, std::uint64_t to) {
        std::uint64_t pointer = 0;
        std::memcpy(&pointer, image.data() + slot(from), sizeof pointer);
        put(image, slot(to), pointer + slot(from) - slot(to));
    };
    move(4, 5);
    move(3, 4);
    move(2, 3);
    put(image, mutex_at, std::uint32_t(0xc0000000)); // the system's mark
    store(name, image);
    auto queue = Queue::open(name.address(), Access::read);
    REQUIRE(queue.ok());
    for (unsigned i = 5; i >= 1; i--) {
        const Taken seen = peek(*queue, size, 5 - i);
        CHECK(seen.bytes == "text " + std::to_string(i));
        CHECK(seen.priority == i);
    }
    CHECK(peek(*queue, size, 5).code == ENOMSG);
}

TEST_CASE("a message that was just being sent or received when a process died is told and not made up")
{
    const FreshName name;
    std::string image = sound_image();
    put(image, mutex_at, std::uint32_t(0xc0000000));
    std::uint64_t count = 0;
    std::memcpy(&count, image.data() + count_at, sizeof count);
    put(image, count_at, count + 1); // and its block is still as a free one is
    store(name, image);
    auto queue = Queue::open(name.address(), Access::read);
    REQUIRE(queue.ok());
    std::uint64_t whole = 0, torn = 0;
    for (std::uint64_t index = 0; index <= count; index++)
        peek(*queue, size, index).code == EBADMSG ? torn++ : whole++;
    CHECK(torn == 1);
    CHECK(whole == count);
}

TEST_CASE("a queue that another process cuts off while it is used is an error and no signal")
{
    const std::string image = sound_image();
    const FreshName name;
    store(name, image);
    const Child cutter([&] {
        const ipc::Fd file = name.file();
        for (std::uint64_t round = 0;; round++) {
            (void)!::ftruncate(file.get(), static_cast<off_t>(round % 3 ? 0 : image.size() / 2));
            (void)!::ftruncate(file.get(), static_cast<off_t>(image.size()));
            (void)!::pwrite(file.get(), image.data(), image.size(), 0);
            if (round % 4 == 0)
                ::usleep(100);
        }
    });
    int fine = 0, gone = 0;
    for (int round = 0; round < 300 || ((!fine || !gone) && round < 30000); round++) {
        auto queue = Queue::open(name.address(), Access::both);
        for (int i = 0; queue && i < 50; i++) {
            const Taken seen = peek(*queue, size, 0);
            (void)send(*queue, "text", 1);
            const Taken taken = receive(*queue, size);
            fine += taken.code == 0;
            for (int code : {seen.code, taken.code})
                gone += code == EIO;
        }
        (void)listed(name);
    }
    CHECK(fine > 0);
    CHECK(gone > 0);
}

TEST_CASE("a queue in which another process works without pause is looked at")
{
    const FreshName name;
    BoostQueue queue(interprocess::create_only, name.text(), messages, size);
    REQUIRE(send(queue, "always here", 0));
    const Child worker([&] {
        for (unsigned i = 0;; i++) {
            (void)send(queue, "message", i % 5 + 1);
            if (queue.get_num_msg() > 1)
                (void)receive(queue);
        }
    });
    auto view = Queue::open(name.address(), Access::read);
    REQUIRE(view.ok());
    int seen = 0;
    for (int round = 0; round < 500; round++) {
        const Taken taken = peek(*view, size, 0);
        seen += taken.code == 0;
        if (taken.code == 0)
            CHECK((taken.bytes == "message" || taken.bytes == "always here"));
    }
    INFO(seen << " of 500");
    CHECK(seen > 400);
}
