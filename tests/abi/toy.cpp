// SPDX-License-Identifier: MIT
// toy-cpp: a plugin in C++ whose queue lives in the process, and so does a segment that has a structure of its own:
// toy-cpp:box, with parts of which toy-cpp:box#first is one. It also shows that nothing it throws gets out.
#include <ipc/inspect.hpp>
#include <ipc/queue.hpp>
#include <ipc/segment.hpp>

#include <cstddef>
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
        if (name == "silent")
            return Error::of(ENODEV, "%s", "");
        if (name == "broken")
            return Error::of(EPIPE, "the pipe inside is broken");
        if (name == "wild")
            return Error::of(99999, "a code that is no errno value");
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

struct Part {
    std::string_view name, type;
    std::uint64_t offset, bytes;
};
constexpr char box_bytes[] = "headerone two hidden";
constexpr Part box_parts[] = {{"first", "char[4]", 6, 4}, {"second\033[2J\302\233", "", 10, 4}};
constexpr std::uint64_t box_used = 14;

/// A box or one of its parts. "worn" is a box whose parts cannot be told.
struct Box {
    std::string_view memory;
    bool is_part = false, is_worn = false;

    static Result<std::unique_ptr<Box>> create(const ipc_address &, std::uint64_t, const ipc_ownership &)
    {
        return Error::of(ENOTSUP, "a toy makes no segments (use toy-cpp:box)");
    }

    static Result<std::unique_ptr<Box>> open(const ipc_address &address, std::uint32_t)
    {
        const std::string_view whole(box_bytes, sizeof box_bytes - 1), name = address.name;
        if (address.parameter_count != 0)
            return Error::of(EINVAL, "a parameter came through");
        if (name == "box" || name == "worn")
            return std::make_unique<Box>(Box{whole, false, name == "worn"});
        for (const Part &part : box_parts)
            if (name == "box#" + std::string(part.name))
                return std::make_unique<Box>(Box{whole.substr(part.offset, part.bytes), true});
        return Error::of(ENOENT, "there is none of that name");
    }

    Result<void> status(ipc_segment_status &status)
    {
        status.bytes = memory.size();
        status.page_size = 4096;
        return {};
    }

    Result<void> map(ipc_mapping &mapping)
    {
        mapping.address = const_cast<char *>(memory.data());
        mapping.length = memory.size();
        return {};
    }

    Result<void> list_parts(const ipc::Emit<ipc_part> &emit)
    {
        if (is_worn)
            return Error::of(EBADMSG, "it is damaged");
        if (is_part)
            return Error::of(ENOTSUP, "it is a part itself");
        ipc_part record = {};
        record.size = sizeof record;
        for (const Part &part : box_parts) {
            record.name = part.name.data();
            record.type = part.type.empty() ? nullptr : part.type.data();
            record.offset = part.offset;
            record.bytes = part.bytes;
            emit(record);
        }
        record.flags = IPC_PART_FREE;
        record.name = record.type = nullptr;
        record.offset = IPC_UNKNOWN;
        record.bytes = memory.size() - box_used;
        emit(record);
        return {};
    }
};

Result<void> check(const ipc_address &) { return {}; }

/// The table of one that knows nothing of send_many() and receive_many().
constexpr ipc_queue_v1 older(ipc_queue_v1 table)
{
    table.size = offsetof(ipc_queue_v1, send_many);
    return table;
}
constexpr ipc_queue_v1 queue = older(ipc::queue_table<Channel>());
constexpr ipc_segment_v1 segment = ipc::segment_table<Box>();

const void *capability(const char *name)
{
    if (std::string_view(name) == IPC_QUEUE_1)
        return &queue;
    return std::string_view(name) == IPC_SEGMENT_1 ? &segment : nullptr;
}

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "toy-cpp",
    .summary = "a toy in C++",
    .version = "1.0",
    .parameters = nullptr,
    .parameter_count = 0,
    .flags = 0,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = nullptr,
    .remove_unused = nullptr,
};

} // namespace

IPC_PLUGIN(plugin)
