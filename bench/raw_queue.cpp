// SPDX-License-Identifier: MIT
// The least that sending lines through a POSIX queue can cost: one system call per line and nothing else.
//
//     raw_queue create NAME DEPTH SIZE   make the queue
//     raw_queue send NAME FILE           send each line of FILE, from memory
//     raw_queue receive NAME COUNT       take COUNT messages and touch every cache line of them
#include "lines.hpp"

#include <mqueue.h>

#include <vector>

namespace {

void create(const char *name, long depth, long size)
{
    mq_attr attributes = {};
    attributes.mq_maxmsg = depth;
    attributes.mq_msgsize = size;
    must("mq_open", mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes));
}

void send(const char *name, const char *file)
{
    std::string_view text = map(file);
    mqd_t queue = must(name, mq_open(name, O_WRONLY));
    each_line(text, [&](const char *line, std::size_t length) { must("mq_send", mq_send(queue, line, length, 0)); });
}

void receive(const char *name, long count)
{
    mqd_t queue = must(name, mq_open(name, O_RDONLY));
    mq_attr attributes;
    must(name, mq_getattr(queue, &attributes));
    std::vector<char> message(static_cast<std::size_t>(attributes.mq_msgsize));
    for (; count; count--) {
        ssize_t length = must("mq_receive", mq_receive(queue, message.data(), message.size(), nullptr));
        touch(message.data(), static_cast<std::size_t>(length));
    }
}

} // namespace

int main(int count, char **words)
{
    std::string_view verb = count > 1 ? words[1] : "";
    if (verb == "create" && count == 5)
        create(words[2], number(words[3]), number(words[4]));
    else if (verb == "send" && count == 4)
        send(words[2], words[3]);
    else if (verb == "receive" && count == 4)
        receive(words[2], number(words[3]));
    else
        refuse("usage: raw_queue create NAME DEPTH SIZE | send NAME FILE | receive NAME COUNT");
    return 0;
}
