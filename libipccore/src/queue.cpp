// SPDX-License-Identifier: MIT
#include "queue.hpp"

#include "error.hpp"
#include "guarded_access.hpp"
#include "stream_queue.hpp"

namespace ipc {
namespace {

Result<const Plugin *> plugin_of(const Address &address)
{
    const Plugin *plugin = IPC_TRY(load_plugin(address.mechanism));
    if (!plugin->queue() && !plugin->stream())
        return usage_error("mechanism {} offers no queue", address.mechanism);
    IPC_TRY(plugin->check(address));
    return plugin;
}

template <typename T> Result<T> at(const Address &address, const Result<T> &result)
{
    if (!result)
        return located(address.text(), result.error());
    return result;
}

} // namespace

Result<Queue> Queue::create(const Address &address, std::uint64_t max_messages, std::uint64_t max_message_size,
                            const Ownership &ownership)
{
    const Plugin *plugin = IPC_TRY(plugin_of(address));
    const ipc_ownership owner = {sizeof owner, ownership.mode, ownership.owner, ownership.group};
    if (plugin->stream())
        return created(
            address, &stream_queue_table(),
            IPC_TRY(at(address, create_stream_queue(*plugin, address, max_messages, max_message_size, owner))));
    const ipc_queue_v1 *table = plugin->queue();
    const CrossingAddress crossing(address);
    ipc_queue *handle = nullptr;
    IPC_TRY(at(address, call(table->create, crossing.get(), max_messages, max_message_size, &owner, &handle)));
    return created(address, table, handle);
}

Result<Queue> Queue::created(const Address &address, const ipc_queue_v1 *table, ipc_queue *handle)
{
    Queue made(Address{address.mechanism, address.name, {}}, table, handle);
    const ipc_queue_status status = IPC_TRY(made.status());
    if (status.name)
        made.address_.name = status.name;
    return made;
}

Result<Queue> Queue::open(const Address &address, Access access, const StreamLimits &limits)
{
    const Plugin *plugin = IPC_TRY(plugin_of(address));
    const auto wanted = static_cast<std::uint32_t>(access);
    if (plugin->stream())
        return Queue(address, &stream_queue_table(),
                     IPC_TRY(at(address, open_stream_queue(*plugin, address, wanted, limits))));
    const ipc_queue_v1 *table = plugin->queue();
    const CrossingAddress crossing(address);
    ipc_queue *handle = nullptr;
    IPC_TRY(at(address, call(table->open, crossing.get(), wanted, &handle)));
    return Queue(address, table, handle);
}

template <typename Function, typename... Arguments>
Result<void> Queue::perform(Function *function, Arguments... arguments) const
{
    if (!(table_->features & IPC_QUEUE_MAPPED))
        return at(address_, call(function, handle_.get(), arguments...));
    Result<void> result;
    if (handle_ && while_memory_lasts([&] { result = call(function, handle_.get(), arguments...); }))
        return at(address_, result);
    (void)handle_.release(); // closing would touch it again
    return located(address_.text(), failure(ESTALE, "its memory was taken away while it was in use: somebody made its "
                                                    "file shorter (remove it and create it again)"));
}

Result<ipc_queue_status> Queue::status() const
{
    ipc_queue_status status = {};
    status.size = sizeof status;
    IPC_TRY(perform(table_->status, &status));
    return status;
}

Result<void> Queue::send(const Message &message, std::int64_t timeout)
{
    return perform(table_->send, &message, timeout);
}

Result<void> Queue::flush(std::int64_t timeout)
{
    return table_->flush ? at(address_, call(table_->flush, handle_.get(), timeout)) : Result<void>();
}

Result<void> Queue::receive(Message &message, std::int64_t timeout)
{
    return perform(table_->receive, &message, timeout);
}

Result<void> Queue::send_many(std::span<const Message> messages, std::uint64_t &sent, std::int64_t timeout)
{
    sent = 0;
    if (table_->send_many)
        return perform(table_->send_many, messages.data(), std::uint64_t(messages.size()), &sent, timeout);
    for (const Message &message : messages) {
        IPC_TRY(send(message, timeout));
        ++sent;
    }
    return {};
}

Result<std::uint64_t> Queue::receive_many(std::span<Message> messages, std::uint64_t room, std::uint64_t gap,
                                          std::int64_t timeout)
{
    std::uint64_t received = 0;
    if (table_->receive_many) {
        IPC_TRY(perform(table_->receive_many, messages.data(), std::uint64_t(messages.size()), room, gap, &received,
                        timeout));
        return received;
    }
    IPC_TRY(receive(messages.front(), timeout));
    return 1;
}

bool Queue::is_stream() const { return table_ == &stream_queue_table(); }

bool Queue::takes_blocks(char delimiter) const { return is_stream() && ipc::takes_blocks(handle_.get(), delimiter); }

Result<void> Queue::send_block(std::span<const std::byte> messages, std::int64_t timeout)
{
    return at(address_, ipc::send_block(handle_.get(), messages, timeout));
}

std::size_t Queue::receive_block(std::span<std::byte> room, char delimiter)
{
    return is_stream() ? ipc::receive_block(handle_.get(), room, delimiter) : 0;
}

Result<void> Queue::peek(std::uint64_t index, Message &message)
{
    if (!table_->peek)
        return located(address_.text(), failure(ENOTSUP, "the kernel cannot show a message of this mechanism "
                                                         "without taking it (receive it and send it again)"));
    return perform(table_->peek, index, &message);
}

Result<void> Queue::put_back(const Message &message)
{
    if (!table_->put_back)
        return located(address_.text(), failure(ENOTSUP, "the mechanism takes no message back"));
    return perform(table_->put_back, &message);
}

Result<void> Queue::wait(std::uint32_t what, std::int64_t timeout)
{
    return at(address_, call(table_->wait, handle_.get(), what, timeout));
}

Result<void> Queue::remove()
{
    const ipc_queue_status now = IPC_TRY(status());
    return remove_named(address_, &now.identity);
}

} // namespace ipc
