// SPDX-License-Identifier: MIT
// toy-cpp: a plugin in C++ whose queue lives in the process. It also shows that nothing it throws gets out.
#include <ipc/inspect.hpp>
#include <ipc/queue.hpp>

#include <deque>
#include <stdexcept>
#include <string>

namespace {

using ipc::Error;
using ipc::Result;

struct Channel {
    static constexpr std::uint32_t features = 0;
    std::deque<std::string> messages;

    static Result<std::unique_ptr<Channel>> create(const ipc_address &address, std::uint64_t, std::uint64_t,
                                                   const ipc_ownership &)
    {
        return open(address, IPC_READ | IPC_WRITE);
    }

    static Result<std::unique_ptr<Channel>> open(const ipc_address &address, std::uint32_t)
    {
        const std::string name = address.name;
        if (name == "throws")
            throw std::runtime_error("out");
        if (name == "exhausts")
            throw std::bad_alloc();
        if (name != "greeting")
            return Error::of(ENOENT, "there is none of that name");
        auto channel = std::make_unique<Channel>();
        channel->messages.emplace_back("hello from C++");
        return channel;
    }

    Result<void> status(ipc_queue_status &status)
    {
        status.messages = messages.size();
        status.bytes = status.max_bytes = IPC_UNKNOWN;
        status.max_messages = 10;
        status.max_message_size = 100;
        status.identity = {0, 0, 1, IPC_NO_TIME};
        return {};
    }

    Result<void> send(const ipc_message &message, std::int64_t)
    {
        messages.emplace_back(static_cast<const char *>(message.bytes), message.length);
        return {};
    }

    Result<void> receive(ipc_message &message, std::int64_t)
    {
        if (messages.empty())
            return Error::of(EAGAIN, "the queue is empty");
        message.length = messages.front().copy(static_cast<char *>(message.bytes), message.capacity);
        messages.pop_front();
        return {};
    }
};

Result<void> check(const ipc_address &) { return {}; }

constexpr ipc_queue_v1 queue = ipc::queue_table<Channel>();

const void *capability(const char *name) { return std::string_view(name) == IPC_QUEUE_1 ? &queue : nullptr; }

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "toy-cpp",
    .summary = "a toy in C++",
    .version = "1.0",
    .parameters = nullptr,
    .parameter_count = 0,
    .reserved = 0,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = nullptr,
};

} // namespace

IPC_PLUGIN(plugin)
