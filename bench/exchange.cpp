// SPDX-License-Identifier: MIT
// Two processes exchange messages through a ring, or by a pool of segments, and in turn through something else: print
// "MEDIAN MIN MAX" of how many times faster that is, or of how many times longer a round trip takes.
//
//     exchange [--rounds N] [--times] [--one-cpu] speed WAY OTHER SIZE   messages of SIZE bytes, in one direction
//     exchange [--rounds N] [--times] [--one-cpu] trip OTHER             64 bytes there and 64 bytes back
//
// WAY is how the ring is used, `each` (send and receive, a call per message) or `batch`; or it is `pool`: a POSIX queue
// of ten whose messages go by segments, as mqsend --map-over sends and mqrecv receives them. OTHER is `pipe` (a write
// per message), `large-pipe` (the same with a pipe of 1 MiB), `packed` (that, messages packed to writes of 64 KiB),
// `mq` (a POSIX queue of ten) or `boost` (a message_queue of 64). Everything is copied in and copied out, except that
// what came by a segment is read there; the receiver touches every cache line. The two processes are on two CPUs, or
// with
// --one-cpu both on one.
#include "large_messages.hpp"
#include "queue.hpp"
#include "refuse.hpp"
#include "rounds.hpp"

#include <ipc/ring.hpp>

#include <boost/interprocess/ipc/message_queue.hpp>

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t packet = 64 * 1024;

/// One end, as its process opened it: what it moves is counted in messages.
struct End {
    virtual ~End() = default;
    virtual void send(const std::byte *bytes, std::size_t size, std::size_t count) = 0;
    virtual void receive(std::byte *buffer, std::size_t size, std::size_t count) = 0;
};

void touch(const std::byte *bytes, std::size_t length)
{
    std::byte seen{};
    for (std::size_t at = 0; at < length; at += 64)
        seen = static_cast<const volatile std::byte &>(bytes[at]);
    static_cast<void>(seen);
}

template <typename T> T valued(ipc::Result<T> result)
{
    if (!result)
        refuse("%s", result.error().text());
    return std::move(result).value();
}

void check(const ipc::Result<void> &result)
{
    if (!result)
        refuse("%s", result.error().text());
}

struct RingEnd : End {
    ipc::Ring ring;
    bool batched;
    RingEnd(const std::string &name, bool in_batches) : ring(valued(ipc::Ring::open(name))), batched(in_batches) {}

    void send(const std::byte *bytes, std::size_t size, std::size_t count) override
    {
        const ipc::Ring::Bytes message(bytes, size);
        if (!batched) {
            while (count--)
                valued(ring.send(message));
            return;
        }
        const std::vector<ipc::Ring::Bytes> messages(std::max<std::size_t>(packet / size, 1), message);
        while (count)
            count -= valued(ring.send_batch(std::span(messages).first(std::min(messages.size(), count))));
    }

    void receive(std::byte *buffer, std::size_t size, std::size_t count) override
    {
        const auto take = [&](ipc::Ring::Bytes message) {
            std::memcpy(buffer, message.data(), message.size());
            touch(buffer, message.size());
        };
        while (count)
            if (batched)
                count -= valued(ring.receive_batch(take, IPC_FOREVER, count));
            else
                touch(buffer, valued(ring.receive({buffer, size}))), count--;
    }
};

struct PipeEnd : End {
    int input, output;
    bool packed;
    std::vector<std::byte> buffer;
    PipeEnd(int in, int out, bool packs, std::size_t size)
        : input(in), output(out), packed(packs), buffer(packs ? packet : std::max(packet, size))
    {
    }

    void write_all(const std::byte *bytes, std::size_t length) const
    {
        while (length) {
            const auto written = std::size_t(must("write", write(output, bytes, length)));
            bytes += written;
            length -= written;
        }
    }
    void send(const std::byte *bytes, std::size_t size, std::size_t count) override
    {
        if (!packed || size >= packet) {
            while (count--)
                write_all(bytes, size);
            return;
        }
        std::size_t used = 0;
        for (; count; count--) {
            if (used + size > packet) {
                write_all(buffer.data(), used);
                used = 0;
            }
            std::memcpy(&buffer[used], bytes, size);
            used += size;
        }
        write_all(buffer.data(), used);
    }
    void receive(std::byte *, std::size_t size, std::size_t count) override
    {
        for (std::size_t left = size * count; left;) {
            const auto length = std::size_t(must("read", read(input, buffer.data(), std::min(left, buffer.size()))));
            touch(buffer.data(), length);
            left -= length;
        }
    }
};

struct QueueEnd : End {
    mqd_t queue;
    explicit QueueEnd(const std::string &name) : queue(must("mq_open", mq_open(name.c_str(), O_RDWR))) {}
    ~QueueEnd() override { mq_close(queue); }
    void send(const std::byte *bytes, std::size_t size, std::size_t count) override
    {
        while (count--)
            must("mq_send", mq_send(queue, reinterpret_cast<const char *>(bytes), size, 0));
    }
    void receive(std::byte *buffer, std::size_t size, std::size_t count) override
    {
        for (; count; count--)
            touch(buffer, std::size_t(must("mq_receive", mq_receive(queue, reinterpret_cast<char *>(buffer),
                                                                    std::max<std::size_t>(size, 8192), nullptr))));
    }
};

struct PoolEnd : End {
    ipc::Queue queue;
    std::optional<ipc::LargeMessagePool> pool;
    ipc::LargeMessageReader reader;
    explicit PoolEnd(const std::string &name)
        : queue(valued(
              ipc::Queue::open(valued(ipc::parse_address("posix:" + name, ipc::queue_family)), ipc::Access::both))),
          reader(queue)
    {
    }
    void send(const std::byte *bytes, std::size_t size, std::size_t count) override
    {
        if (!pool)
            pool = valued(ipc::LargeMessagePool::create(queue));
        for (; count; count--) {
            std::string reference = valued(pool->put({bytes, size}, IPC_FOREVER));
            ipc::Message message = {};
            message.size = sizeof message;
            message.bytes = reference.data();
            message.length = message.capacity = reference.size();
            check(queue.send(message, IPC_FOREVER));
        }
    }
    void receive(std::byte *buffer, std::size_t size, std::size_t count) override
    {
        for (; count; count--) {
            ipc::Message message = {};
            message.size = sizeof message;
            message.bytes = buffer;
            message.capacity = 8192;
            check(queue.receive(message, IPC_FOREVER));
            const auto payload = valued(reader.find({buffer, message.length}));
            if (!payload || payload->length != size)
                refuse("a message did not come by a segment");
            touch(valued(payload->segment->map()).data() + payload->offset, size);
            reader.release();
        }
    }
};

struct BoostEnd : End {
    boost::interprocess::message_queue queue;
    explicit BoostEnd(const std::string &name) : queue(boost::interprocess::open_only, name.c_str()) {}
    void send(const std::byte *bytes, std::size_t size, std::size_t count) override
    {
        while (count--)
            queue.send(bytes, size, 0);
    }
    void receive(std::byte *buffer, std::size_t size, std::size_t count) override
    {
        boost::interprocess::message_queue::size_type length = 0;
        unsigned priority = 0;
        for (; count; count--) {
            queue.receive(buffer, size, length, priority);
            touch(buffer, length);
        }
    }
};

using Opener = std::function<std::unique_ptr<End>()>;

/// A new, empty channel for messages of `size` bytes; the answer opens it in the process that calls it.
Opener make_channel(std::string_view kind, std::size_t size)
{
    const std::string name = "/exchange-" + std::to_string(getpid());
    if (kind == "each" || kind == "batch") {
        static int count = 0;
        const std::string numbered = name + "-" + std::to_string(count++);
        valued(ipc::Ring::create(numbered, {.capacity = std::max<std::size_t>(1 << 20, 4 * size)}));
        return [=] { return std::make_unique<RingEnd>(numbered, kind == "batch"); };
    }
    if (kind == "pipe" || kind == "packed" || kind == "large-pipe") {
        int ends[2];
        must("pipe", pipe(ends));
        if (kind != "pipe")
            must("F_SETPIPE_SZ", fcntl(ends[1], F_SETPIPE_SZ, 1 << 20));
        return [=] { return std::make_unique<PipeEnd>(ends[0], ends[1], kind == "packed", size); };
    }
    if (kind == "mq" || kind == "pool") {
        static int count = 0;
        const std::string numbered = name + "-" + std::to_string(count++);
        mq_attr sizes = {};
        sizes.mq_maxmsg = 10;
        sizes.mq_msgsize = kind == "pool" ? 1024 : long(std::max<std::size_t>(size, 64));
        must("mq_open", mq_open(numbered.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &sizes));
        if (kind == "pool")
            return [=] { return std::make_unique<PoolEnd>(numbered); };
        return [=] { return std::make_unique<QueueEnd>(numbered); };
    }
    if (kind != "boost")
        refuse("%.*s is nothing to compare with", int(kind.size()), kind.data());
    static int count = 0;
    const std::string numbered = name.substr(1) + "-" + std::to_string(count++);
    boost::interprocess::message_queue(boost::interprocess::create_only, numbered.c_str(), 64, size);
    return [=] { return std::make_unique<BoostEnd>(numbered); };
}

/// What the two processes share: they start together, and the clock stops when the last message was touched.
struct Course {
    std::atomic<int> ready = 0;
    double begin = 0, end = 0;
};

double now()
{
    timespec time = {};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void take_processor(int index, bool only_one)
{
    cpu_set_t all, one;
    must("sched_getaffinity", sched_getaffinity(0, sizeof all, &all));
    CPU_ZERO(&one);
    for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all) && seen++ == (only_one ? 0 : index))
            CPU_SET(cpu, &one);
    if (CPU_COUNT(&one) == 0)
        refuse("this row needs two CPUs, and one is allowed");
    must("sched_setaffinity", sched_setaffinity(0, sizeof one, &one));
}

/// Seconds from the start of both to the end of both.
double run(bool one_cpu, const std::function<void(Course &)> &first, const std::function<void(Course &)> &second)
{
    void *memory =
        must("mmap", mmap(nullptr, sizeof(Course), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    auto *course = new (memory) Course;
    int index = 0;
    for (const auto *work : {&first, &second}) {
        const pid_t child = must("fork", fork());
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            take_processor(index, one_cpu);
            (*work)(*course);
            _exit(0);
        }
        index++;
    }
    for (int i = 0; i < 2; i++) {
        int status = 0;
        must("wait", wait(&status));
        if (status)
            refuse("a process of the pair failed");
    }
    const double seconds = course->end - course->begin;
    munmap(memory, sizeof(Course));
    return seconds;
}

void start_together(Course &course)
{
    course.ready++;
    while (course.ready < 2)
        sched_yield();
    course.begin = now();
}

/// Seconds per message.
double time_speed(std::string_view kind, std::size_t size, std::size_t count, bool one_cpu)
{
    const Opener open = make_channel(kind, size);
    const double seconds = run(
        one_cpu,
        [&](Course &course) {
            auto end = open();
            const std::vector<std::byte> message(size, std::byte(7));
            start_together(course);
            end->send(message.data(), size, count);
        },
        [&](Course &course) {
            auto end = open();
            std::vector<std::byte> buffer(std::max<std::size_t>(size, 8192));
            start_together(course);
            end->receive(buffer.data(), size, count);
            course.end = now();
        });
    return seconds / static_cast<double>(count);
}

/// Seconds per round trip.
double time_trips(std::string_view kind, std::size_t count, bool one_cpu)
{
    constexpr std::size_t size = 64;
    const Opener there = make_channel(kind, size), back = make_channel(kind, size);
    const double seconds = run(
        one_cpu,
        [&](Course &course) {
            auto question = there(), answer = back();
            std::byte bytes[8192] = {};
            start_together(course);
            for (std::size_t i = 0; i < count; i++) {
                question->send(bytes, size, 1);
                answer->receive(bytes, size, 1);
            }
            course.end = now();
        },
        [&](Course &course) {
            auto question = there(), answer = back();
            std::byte bytes[8192] = {};
            start_together(course);
            for (std::size_t i = 0; i < count; i++) {
                question->receive(bytes, size, 1);
                answer->send(bytes, size, 1);
            }
        });
    return seconds / static_cast<double>(count);
}

/// So many messages that a side takes about a tenth of a second, found by trying.
std::size_t fitting_count(const std::function<double(std::size_t)> &time)
{
    std::size_t count = 1000;
    for (int i = 0; i < 8; i++) {
        const double seconds = time(count) * static_cast<double>(count);
        if (seconds > 0.05)
            break;
        count = std::size_t(static_cast<double>(count) * std::min(20.0, 0.12 / std::max(seconds, 1e-6)));
    }
    return count;
}

void compare(long rounds, bool times, bool rate, const std::function<double(std::size_t)> &ours,
             const std::function<double(std::size_t)> &other)
{
    const std::size_t our_count = fitting_count(ours), other_count = fitting_count(other);
    Rounds measured;
    for (; rounds; rounds--) {
        const double first = ours(our_count);
        measured.add(first, other(other_count));
    }
    if (times)
        measured.explain();
    measured.print(rate);
}

} // namespace

int main(int, char **words)
{
    long rounds = 7;
    bool times = false, one_cpu = false;
    for (words++; *words && words[0][0] == '-'; words++) {
        const std::string_view option = *words;
        if (option == "--rounds" && words[1])
            rounds = number(*++words);
        else if (option == "--times")
            times = true;
        else if (option == "--one-cpu")
            one_cpu = true;
        else
            refuse("unknown option %s", *words);
    }
    std::vector<std::string> left;
    for (; *words; words++)
        left.emplace_back(*words);
    if (left.size() == 4 && left[0] == "speed") {
        const auto size = std::size_t(number(left[3].c_str()));
        compare(
            rounds, times, true, [&](std::size_t count) { return time_speed(left[1], size, count, one_cpu); },
            [&](std::size_t count) { return time_speed(left[2], size, count, one_cpu); });
    } else if (left.size() == 2 && left[0] == "trip") {
        compare(
            rounds, times, false, [&](std::size_t count) { return time_trips("each", count, one_cpu); },
            [&](std::size_t count) { return time_trips(left[1], count, one_cpu); });
    } else {
        refuse("usage: exchange [OPTION...] speed each|batch|pool OTHER SIZE | trip OTHER");
    }
    return 0;
}
