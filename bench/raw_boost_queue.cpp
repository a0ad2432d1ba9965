// SPDX-License-Identifier: MIT
// The least that a program with Boost does to send lines through its message_queue: one call per line and nothing else.
//
//     raw_boost_queue create NAME DEPTH SIZE   make the queue
//     raw_boost_queue send NAME FILE           send each line of FILE, from memory
//     raw_boost_queue receive NAME COUNT       take COUNT messages and touch every cache line of them
#include "lines.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>

#include <vector>

namespace {

using boost::interprocess::message_queue;

void create(const char *name, long depth, long size)
{
    message_queue(boost::interprocess::create_only, name, static_cast<std::size_t>(depth),
                  static_cast<std::size_t>(size));
}

void send(const char *name, const char *file)
{
    std::string_view text = map(file);
    message_queue queue(boost::interprocess::open_only, name);
    each_line(text, [&](const char *line, std::size_t length) { queue.send(line, length, 0); });
}

void receive(const char *name, long count)
{
    message_queue queue(boost::interprocess::open_only, name);
    std::vector<char> message(queue.get_max_msg_size());
    for (; count; count--) {
        message_queue::size_type length = 0;
        unsigned priority = 0;
        queue.receive(message.data(), message.size(), length, priority);
        touch(message.data(), length);
    }
}

} // namespace

int main(int count, char **words)
{
    std::string_view verb = count > 1 ? words[1] : "";
    try {
        if (verb == "create" && count == 5)
            create(words[2], number(words[3]), number(words[4]));
        else if (verb == "send" && count == 4)
            send(words[2], words[3]);
        else if (verb == "receive" && count == 4)
            receive(words[2], number(words[3]));
        else
            refuse("usage: raw_boost_queue create NAME DEPTH SIZE | send NAME FILE | receive NAME COUNT");
    } catch (const std::exception &exception) {
        refuse("%s", exception.what());
    }
    return 0;
}
