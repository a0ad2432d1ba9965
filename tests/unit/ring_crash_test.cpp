// SPDX-License-Identifier: MIT
// ipc/ring.hpp and kill -9: at every single instruction of a call, and at random among processes that hammer a ring.
#include "ring_fixture.hpp"

#include <sys/ptrace.h>

#include <chrono>
#include <csignal>
#include <random>

using namespace ring_test;
using namespace std::chrono;

namespace {

/// All bytes of a ring's file.
std::string content(const Memory &memory)
{
    std::string bytes(std::size_t(::lseek(memory.descriptor(), 0, SEEK_END)), '\0');
    REQUIRE(::pread(memory.descriptor(), bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
    return bytes;
}

/// A child that does `work` one instruction at a time.
class SteppedProcess {
public:
    template <typename Work> explicit SteppedProcess(Work &&work) : process_(::fork())
    {
        if (process_ == 0) {
            if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
                ::_exit(77);
            ::raise(SIGSTOP);
            work();
            ::_exit(0);
        }
        ::waitpid(process_, &status_, 0);
    }
    SteppedProcess(const SteppedProcess &) = delete;
    ~SteppedProcess()
    {
        if (goes_on()) {
            ::kill(process_, SIGKILL);
            ::waitpid(process_, &status_, 0);
        }
    }
    bool goes_on() const { return WIFSTOPPED(status_); }
    void step()
    {
        ::ptrace(PTRACE_SINGLESTEP, process_, nullptr, nullptr);
        ::waitpid(process_, &status_, 0);
    }

private:
    pid_t process_;
    int status_ = 0;
};

/// Stop `work` of a fresh ring after every instruction, and let `check` look at what a process that is killed there
/// leaves behind: a copy of the memory, whose openers are gone.
template <typename Prepare, typename Work, typename Check>
void kill_everywhere(Prepare &&prepare, Work &&work, Check &&check)
{
    const Memory memory({.capacity = 4096});
    Ring ring = memory.open(), victim = memory.open();
    prepare(ring);
    std::string seen = content(memory);
    SteppedProcess process([&] { work(victim); });
    if (!process.goes_on()) {
        WARN("this machine permits no tracing; left out");
        return;
    }
    int states = 0;
    for (long instructions = 1; process.goes_on(); instructions++) {
        process.step();
        const std::string now = content(memory);
        if (now == seen)
            continue;
        seen = now;
        states++;
        INFO("killed after " << instructions << " instructions");
        const Memory left({.capacity = 4096});
        REQUIRE(::pwrite(left.descriptor(), now.data(), now.size(), 0) == ssize_t(now.size()));
        Ring next = left.open();
        const auto begin = steady_clock::now();
        check(next);
        CHECK(steady_clock::now() - begin < seconds(1));
    }
    CHECK(states > 5);
}

std::vector<std::string> drain(Ring &ring)
{
    std::vector<std::string> all;
    for (;;) {
        std::string text = receive(ring, 0);
        if (text == "error " + std::to_string(EAGAIN))
            return all;
        all.push_back(text);
    }
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("a sender killed at any instruction has sent its message or not")
{
    const std::string message = pattern(100, 3);
    kill_everywhere([](Ring &ring) { REQUIRE(ring.send(bytes_of("before"), 0).ok()); },
                    [&](Ring &ring) { (void)ring.send(bytes_of(message), 0); },
                    [&](Ring &ring) {
                        REQUIRE(ring.send(bytes_of("behind"), 1'000'000'000).ok());
                        const Texts all = drain(ring);
                        CHECK((all == Texts{"before", "behind"} || all == Texts{"before", message, "behind"}));
                    });
}

TEST_CASE("a sender killed at any instruction of a batch has sent some of it, from the beginning on")
{
    const Ring::Bytes batch[] = {bytes_of("one"), bytes_of("two"), bytes_of("three")};
    kill_everywhere([](Ring &) {}, [&](Ring &ring) { (void)ring.send_batch(batch, 0); },
                    [&](Ring &ring) {
                        REQUIRE(ring.send(bytes_of("behind"), 1'000'000'000).ok());
                        const Texts all = drain(ring);
                        CHECK((all == Texts{"behind"} || all == Texts{"one", "two", "three", "behind"}));
                        CHECK(ring.overview().messages == 0);
                        CHECK(ring.overview().bytes == 0);
                    });
}

TEST_CASE("a receiver killed at any instruction has taken one message or none")
{
    kill_everywhere(
        [](Ring &ring) {
            for (const char *text : {"one", "two", "three"})
                REQUIRE(ring.send(bytes_of(text), 0).ok());
        },
        [](Ring &ring) {
            std::byte buffer[100];
            (void)ring.receive(buffer, 0);
        },
        [](Ring &ring) {
            REQUIRE(ring.send(bytes_of("behind"), 1'000'000'000).ok());
            const Texts all = drain(ring);
            CHECK((all == Texts{"one", "two", "three", "behind"} || all == Texts{"two", "three", "behind"}));
        });
}

TEST_CASE("a receiver killed at any instruction of putting back has put back or not")
{
    kill_everywhere([](Ring &ring) { REQUIRE(ring.send(bytes_of("next"), 0).ok()); },
                    [](Ring &ring) { (void)ring.put_back(bytes_of("returned")); },
                    [](Ring &ring) {
                        REQUIRE(ring.send(bytes_of("behind"), 1'000'000'000).ok());
                        const Texts all = drain(ring);
                        CHECK((all == Texts{"next", "behind"} || all == Texts{"returned", "next", "behind"}));
                        CHECK(ring.overview().messages == 0);
                    });
}

namespace {

constexpr unsigned senders = 3, receivers = 3, most_messages = 60'000;

struct Message {
    std::uint32_t sender, number, length, checksum;
};

struct Log {
    std::atomic<std::uint32_t> confirmed[senders]; ///< numbers below this: send() returned
    std::atomic<std::uint8_t> received[senders][most_messages];
    std::atomic<std::uint32_t> torn, out_of_order;
};

std::uint32_t checksum(std::string_view text)
{
    std::uint32_t sum = 17;
    for (const char byte : text)
        sum = sum * 31 + static_cast<unsigned char>(byte);
    return sum;
}

bool send_on(Ring &ring, Log &log, unsigned sender)
{
    for (std::uint32_t number = 0; number < most_messages; number++) {
        const std::string body = pattern((number * 53 + sender * 17) % 700, number);
        const Message head = {sender, number, std::uint32_t(body.size()), checksum(body)};
        const std::string message = std::string(reinterpret_cast<const char *>(&head), sizeof head) + body;
        if (!ring.send(bytes_of(message)))
            return false;
        log.confirmed[sender] = number + 1;
    }
    return true;
}

/// 1 if a message came, 0 if none did in time, -1 if it was torn.
int receive_one(Ring &ring, Log &log, std::int64_t timeout, std::int64_t (&newest)[senders])
{
    std::byte buffer[2048];
    const auto length = ring.receive(buffer, timeout);
    Message head;
    if (!length)
        return length.error().code() == EAGAIN || length.error().code() == ETIMEDOUT ? 0 : -1;
    std::memcpy(&head, buffer, sizeof head);
    const std::string_view body(reinterpret_cast<char *>(buffer) + sizeof head, *length.operator->() - sizeof head);
    if (head.sender >= senders || head.number >= most_messages || head.length != body.size() ||
        head.checksum != checksum(body)) {
        log.torn++;
        return -1;
    }
    log.out_of_order += newest[head.sender] >= std::int64_t(head.number);
    newest[head.sender] = head.number;
    log.received[head.sender][head.number]++;
    return 1;
}

} // namespace

TEST_CASE(
    "hundreds of rounds of kill -9 among senders and receivers: none torn, none twice, none lost but one per receiver")
{
    std::mt19937 random(20260101);
    SharedValue<Log> log;
    const auto begin = steady_clock::now();
    int rounds = 0;
    for (; rounds < 300 && steady_clock::now() - begin < seconds(15); rounds++) {
        const Memory memory({.capacity = 4096u << (rounds % 3)});
        std::vector<pid_t> processes;
        const unsigned sending = 1 + unsigned(rounds) % senders, receiving = 1 + unsigned(rounds / 3) % receivers;
        std::memset(static_cast<void *>(&*log), 0, sizeof(Log));
        for (unsigned i = 0; i < sending; i++)
            processes.push_back(in_child([&, i] {
                Ring ring = memory.open();
                return send_on(ring, *log, i);
            }));
        for (unsigned i = 0; i < receiving; i++)
            processes.push_back(in_child([&] {
                Ring ring = memory.open();
                std::int64_t newest[senders] = {-1, -1, -1};
                while (receive_one(ring, *log, IPC_FOREVER, newest) > 0)
                    ;
                return false;
            }));
        ::usleep(std::uniform_int_distribution<unsigned>(0, 4000)(random));
        std::shuffle(processes.begin(), processes.end(), random);
        for (const pid_t process : processes)
            ::kill(process, SIGKILL);
        for (const pid_t process : processes)
            REQUIRE(WIFSIGNALED(status_of(process)));

        // The next user goes on within a second, and finds the rest.
        INFO("round " << rounds << ", " << sending << " senders, " << receiving << " receivers");
        Ring ring = memory.open();
        std::int64_t newest[senders] = {-1, -1, -1};
        const auto resumed = steady_clock::now();
        int answer;
        while ((answer = receive_one(ring, *log, 0, newest)) > 0)
            ;
        REQUIRE(answer == 0);
        REQUIRE(ring.send(bytes_of("x"), 1'000'000'000).ok());
        REQUIRE(receive(ring, 1'000'000'000) == "x");
        REQUIRE(steady_clock::now() - resumed < seconds(1));

        unsigned missing = 0;
        for (unsigned sender = 0; sender < sending; sender++) {
            const std::uint32_t confirmed = log->confirmed[sender];
            for (std::uint32_t number = 0; number < most_messages; number++) {
                const unsigned times = log->received[sender][number];
                REQUIRE(times <= 1);
                missing += number < confirmed && times == 0;
                if (number > confirmed) {
                    REQUIRE(times == 0);
                    if (number > confirmed + 10)
                        break;
                }
            }
        }
        REQUIRE(log->torn == 0);
        REQUIRE(log->out_of_order == 0);
        REQUIRE(missing <= receiving);
    }
    CHECK(rounds >= 30);
}

TEST_CASE("several senders and receivers: each message exactly once, those of one sender in their order")
{
    SharedValue<Log> log;
    constexpr std::uint32_t each = 20'000;
    const Memory memory({.capacity = 16384});
    std::vector<pid_t> processes;
    for (unsigned i = 0; i < senders; i++)
        processes.push_back(in_child([&, i] {
            Ring ring = memory.open();
            for (std::uint32_t number = 0; number < each; number++) {
                const std::string body = pattern((number * 53 + i * 17) % 300, number);
                const Message head = {i, number, std::uint32_t(body.size()), checksum(body)};
                const std::string message = std::string(reinterpret_cast<const char *>(&head), sizeof head) + body;
                if (!ring.send(bytes_of(message)))
                    return false;
            }
            return true;
        }));
    std::vector<pid_t> takers;
    for (unsigned i = 0; i < receivers; i++)
        takers.push_back(in_child([&] {
            Ring ring = memory.open();
            std::int64_t newest[senders] = {-1, -1, -1};
            int answer;
            while ((answer = receive_one(ring, *log, 3'000'000'000, newest)) > 0)
                ;
            return answer == 0;
        }));
    for (const pid_t process : processes)
        CHECK(status_of(process) == 0);
    for (const pid_t process : takers)
        CHECK(status_of(process) == 0);
    CHECK(log->torn == 0);
    CHECK(log->out_of_order == 0);
    unsigned wrong = 0;
    for (unsigned sender = 0; sender < senders; sender++)
        for (std::uint32_t number = 0; number < each; number++)
            wrong += log->received[sender][number] != 1;
    CHECK(wrong == 0);
}
