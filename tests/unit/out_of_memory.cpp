// SPDX-License-Identifier: MIT
// Memory that runs out at every point between the taking of a message and the end of the work on it: where the message
// is afterwards. The `new` of this program fails behind a limit.
#include "catch.hpp"
#include "delivery.hpp"
#include "interruption.hpp"
#include "journal.hpp"
#include "message_json.hpp"
#include "plugins.hpp"
#include "workers.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <malloc.h>
#include <new>
#include <string>

namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
std::size_t live = 0, limit = unlimited; // bytes

/// Until the end of the block `new` has so many bytes more.
struct Limit {
    explicit Limit(std::size_t more) { limit = live + more; }
    Limit(const Limit &) = delete;
    ~Limit() { limit = unlimited; }
};

} // namespace

void *operator new(std::size_t size)
{
    for (;;) {
        void *memory = size <= limit && live <= limit - size ? std::malloc(size ? size : 1) : nullptr;
        if (memory) {
            live += malloc_usable_size(memory);
            return memory;
        }
        const std::new_handler handler = std::get_new_handler();
        if (!handler)
            throw std::bad_alloc();
        handler();
    }
}

void operator delete(void *memory) noexcept
{
    live -= malloc_usable_size(memory);
    std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept { operator delete(memory); }

using namespace ipc;

namespace {

const Address address{"posix-mq", "/out-of-memory", {}};
constexpr std::size_t count = 3, size = 8000;

/// With messages of 8000 times `a`, `b` and `c` in it. What was said is left out.
struct Fixture {
    NoticeHandler before = set_notice_handler({});
    int standard_error = ::dup(STDERR_FILENO);
    Fd said{::memfd_create("said", MFD_CLOEXEC)};
    Queue queue;

    static Queue made()
    {
        ::setenv("IPC_PLUGIN_PATH", IPCUTILS_PLUGINS, 1);
        catch_interruptions();
        Result<Queue> made = Queue::create(address, 10, 8192, {});
        INFO((made ? "" : made.error().text()));
        REQUIRE(made);
        (void)*made;
        Result<Queue> opened = Queue::open(address, Access::both);
        REQUIRE(opened);
        return std::move(*opened);
    }
    Fixture() : queue(made()) { ::dup2(said.get(), STDERR_FILENO); }
    Fixture(const Fixture &) = delete;
    ~Fixture()
    {
        (void)queue.remove();
        ::dup2(standard_error, STDERR_FILENO);
        ::close(standard_error);
        set_notice_handler(before);
    }

    void fill()
    {
        for (std::size_t i = 0; i < count; ++i) {
            const std::string bytes(size, char('a' + i));
            REQUIRE(queue.send(message_of(std::as_bytes(std::span(bytes))), 0));
        }
    }
    /// The first letters of what waits.
    std::string drain()
    {
        std::string found;
        std::string room(8192, 0);
        for (;;) {
            Message message = message_of(std::as_writable_bytes(std::span(room)));
            message.length = 0;
            if (!queue.receive(message, 0))
                return found;
            CHECK(message.length == size);
            found += room.front();
        }
    }
    bool has_said_nothing() const { return ::lseek(said.get(), 0, SEEK_END) == 0; }
};

/// The first letters of the whole records in a file.
std::string letters_in(int file, bool json)
{
    std::string text(std::size_t(::lseek(file, 0, SEEK_END)), 0), found;
    REQUIRE(::pread(file, text.data(), text.size(), 0) == ssize_t(text.size()));
    for (std::size_t end; (end = text.find('\n')) != text.npos; text.erase(0, end + 1)) {
        const std::size_t start = json ? std::string_view("{\"payload\":\"").size() : 0;
        CHECK(text.compare(start, size, std::string(size, text[start])) == 0);
        found += text[start];
    }
    CHECK(text.empty());
    return found;
}

/// As mqrecv --drain does.
Result<void> receive_all(Delivery &delivery)
{
    for (;;) {
        const Result<std::uint64_t> taken = delivery.take(0, 10);
        if (!taken || delivery.full())
            if (const Result<void> done = delivery.flush(); !done)
                return done;
        if (!taken)
            return taken.error();
    }
}

struct Outcomes {
    std::size_t finished = 0, without_memory = 0;
    void add(int code)
    {
        finished += code == EAGAIN || code == 0;
        without_memory += code == ENOMEM;
        CHECK((code == EAGAIN || code == 0 || code == ENOMEM));
    }
};

void deliver(Fixture &fixture, const Rendering &rendering, std::size_t most, std::size_t step)
{
    Outcomes outcomes;
    for (std::size_t more = 0; more < most; more += step) {
        INFO("bytes: " << more);
        fixture.fill();
        const Fd output(::memfd_create("output", MFD_CLOEXEC));
        Result<Delivery> delivery = Delivery::create(fixture.queue, output.get(), {}, rendering);
        REQUIRE(delivery);
        int code = 0;
        {
            const Limit limited(more);
            code = receive_all(*delivery).error().code();
        }
        outcomes.add(code);
        REQUIRE(letters_in(output.get(), bool(rendering)) + fixture.drain() == "abc");
        REQUIRE(fixture.has_said_nothing());
    }
    CHECK(outcomes.finished > 0);
    CHECK(outcomes.without_memory > 0);
}

void work(Fixture &fixture, const std::string &journal_path, std::size_t most, std::size_t step)
{
    Outcomes outcomes;
    for (std::size_t more = 0; more < most; more += step) {
        INFO("bytes: " << more);
        fixture.fill();
        const Result<Executable> executable = Executable::find("true");
        REQUIRE(executable);
        std::uint64_t done = 0, left = 0;
        {
            std::optional<Journal> journal;
            if (!journal_path.empty()) {
                Result<Journal> opened = Journal::open(journal_path, address);
                REQUIRE(opened);
                journal.emplace(std::move(*opened));
            }
            Work work;
            work.program = {"true", "{}"};
            work.messages = count;
            work.workers = 2;
            work.timeout = 0;
            work.journal = journal ? &*journal : nullptr;
            Result<Workers> workers = Workers::create(fixture.queue, work, executable.value());
            REQUIRE(workers);
            std::optional<Result<int>> ended;
            {
                const Limit limited(more);
                ended.emplace(workers->run());
            }
            outcomes.add(*ended ? 0 : ended->error().code());
            done = workers->done();
        }
        if (!journal_path.empty()) {
            Result<Journal> opened = Journal::open(journal_path, address);
            REQUIRE(opened);
            left = opened->left();
            std::filesystem::remove(journal_path);
        }
        REQUIRE(done + left + fixture.drain().size() == count);
        REQUIRE(fixture.has_said_nothing());
    }
    CHECK(outcomes.finished > 0);
    CHECK(outcomes.without_memory > 0);
}

constexpr std::size_t reserve = 512 * 1024; // of which the first step is

} // namespace

TEST_CASE("memory that runs out while messages are written leaves each in the output or in its queue")
{
    Fixture fixture;
    SECTION("as they are") { deliver(fixture, {}, reserve + 4096, 4000); }
    SECTION("rendered")
    {
        deliver(
            fixture,
            [](const ReceivedMessage &message, std::string &out) {
                append_json_message(message, JsonText::utf8, out);
                out += '\n';
            },
            reserve + 100'000, 2999);
    }
}

TEST_CASE("memory that runs out while a command works leaves each message done, in its queue or in the journal")
{
    Fixture fixture;
    SECTION("without a journal") { work(fixture, "", reserve + 80'000, 4001); }
    SECTION("with a journal")
    {
        std::string directory = "/tmp/ipc-memory-XXXXXX";
        REQUIRE(::mkdtemp(directory.data()));
        work(fixture, directory + "/journal", reserve + 80'000, 4001);
        CHECK(std::filesystem::is_empty(directory));
        std::filesystem::remove_all(directory);
    }
}
