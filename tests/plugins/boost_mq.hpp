// SPDX-License-Identifier: MIT
// What the tests of boost-mq share: queues that Boost made, and the plugin beside it.
#pragma once

#include "queue.hpp"

#include <ipc/fd.hpp>

#include <boost/interprocess/ipc/message_queue.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace boost_mq_test {

namespace interprocess = boost::interprocess;
using BoostQueue = interprocess::message_queue;

/// A name that nobody has; what exists under it is removed at the end.
class FreshName {
public:
    FreshName() : text_("ipc-boost-mq-" + std::to_string(::getpid()) + "-" + std::to_string(count()++)) {}
    ~FreshName() { ::shm_unlink(text_.c_str()); }
    FreshName(const FreshName &) = delete;
    const char *text() const { return text_.c_str(); }
    ipc::Address address() const { return {"boost-mq", text_, {}}; }
    /// The file itself, beside Boost and the plugin.
    ipc::Fd file() const { return ipc::Fd(::shm_open(text_.c_str(), O_RDWR, 0600)); }

private:
    static int &count()
    {
        static int number = 0;
        return number;
    }
    std::string text_;
};

struct Taken {
    int code = 0;
    std::string error, bytes;
    unsigned priority = 0;
};

template <typename Take> Taken take(std::size_t room, Take &&how)
{
    Taken taken;
    taken.bytes.resize(room);
    ipc_message message = {};
    message.size = sizeof message;
    message.bytes = taken.bytes.data();
    message.capacity = room;
    const ipc::Result<void> done = how(message);
    taken.code = done ? 0 : done.error().code();
    taken.error = done ? "" : done.error().text();
    taken.bytes.resize(done ? message.length : 0);
    taken.priority = message.priority;
    return taken;
}

inline Taken receive(ipc::Queue &queue, std::size_t room, std::int64_t timeout = 0)
{
    return take(room, [&](ipc_message &message) { return queue.receive(message, timeout); });
}

inline Taken peek(ipc::Queue &queue, std::size_t room, std::uint64_t index)
{
    return take(room, [&](ipc_message &message) { return queue.peek(index, message); });
}

inline ipc::Result<void> send(ipc::Queue &queue, std::string bytes, unsigned priority, std::int64_t timeout = 0)
{
    ipc_message message = {};
    message.size = sizeof message;
    message.fields = IPC_QUEUE_PRIORITY;
    message.priority = priority;
    message.bytes = bytes.data();
    message.length = bytes.size();
    return queue.send(message, timeout);
}

/// As Boost receives it; its code is EAGAIN if there is none.
inline Taken receive(BoostQueue &queue)
{
    Taken taken;
    taken.bytes.resize(queue.get_max_msg_size());
    BoostQueue::size_type length = 0;
    if (!queue.try_receive(taken.bytes.data(), taken.bytes.size(), length, taken.priority))
        taken.code = EAGAIN;
    taken.bytes.resize(length);
    return taken;
}

inline bool send(BoostQueue &queue, std::string_view bytes, unsigned priority)
{
    return queue.try_send(bytes.data(), bytes.size(), priority);
}

} // namespace boost_mq_test
