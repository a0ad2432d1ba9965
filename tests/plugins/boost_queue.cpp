// SPDX-License-Identifier: MIT
// boost_queue VERB NAME ... - use a message_queue as any program with Boost would.
//
//     make NAME MESSAGES SIZE      create it
//     send NAME PRIORITY TEXT...   send each text, waiting for room
//     receive NAME COUNT           print "PRIORITY TEXT" of so many, waiting for them
//     hammer NAME                  send and receive without pause, with all priorities; "ready" when it begins
//     die NAME                     end while holding the queue's lock
#include <boost/interprocess/ipc/message_queue.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace interprocess = boost::interprocess;
using interprocess::message_queue;

void send(message_queue &queue, unsigned priority, char **texts)
{
    for (; *texts; texts++)
        queue.send(*texts, std::string_view(*texts).size(), priority);
}

void receive(message_queue &queue, long count)
{
    std::string bytes(queue.get_max_msg_size(), '\0');
    for (; count > 0; count--) {
        message_queue::size_type length = 0;
        unsigned priority = 0;
        queue.receive(bytes.data(), bytes.size(), length, priority);
        std::printf("%u %.*s\n", priority, static_cast<int>(length), bytes.data());
        std::fflush(stdout);
    }
}

[[noreturn]] void hammer(message_queue &queue)
{
    std::string bytes(queue.get_max_msg_size(), '\0');
    std::puts("ready");
    std::fflush(stdout);
    for (unsigned i = 0;; i++) {
        message_queue::size_type length = 0;
        unsigned priority = 0;
        const std::string text = "message " + std::to_string(i);
        if (i % 3 != 2)
            (void)queue.try_send(text.data(), text.size(), i * 7 % 5 + 1);
        else
            (void)queue.try_receive(bytes.data(), bytes.size(), length, priority);
    }
}

/// The lock lies behind a word and four numbers.
[[noreturn]] void die(const char *name)
{
    interprocess::shared_memory_object file(interprocess::open_only, name, interprocess::read_write);
    interprocess::mapped_region region(file, interprocess::read_write);
    static_cast<interprocess::interprocess_mutex *>(static_cast<void *>(static_cast<char *>(region.get_address()) + 48))
        ->lock();
    std::raise(SIGKILL);
    std::abort();
}

} // namespace

int main(int count, char **words)
{
    const std::string_view verb = count > 2 ? words[1] : "";
    try {
        if (verb == "make" && count == 5) {
            message_queue(interprocess::create_only, words[2], std::strtoul(words[3], nullptr, 10),
                          std::strtoul(words[4], nullptr, 10));
            return 0;
        }
        if (verb == "die")
            die(words[2]);
        message_queue queue(interprocess::open_only, words[2]);
        if (verb == "send" && count > 4)
            send(queue, static_cast<unsigned>(std::strtoul(words[3], nullptr, 10)), words + 4);
        else if (verb == "receive" && count == 4)
            receive(queue, std::strtol(words[3], nullptr, 10));
        else if (verb == "hammer")
            hammer(queue);
        else
            return 64;
    } catch (const std::exception &exception) {
        std::fprintf(stderr, "boost_queue: %s\n", exception.what());
        return 1;
    }
}
