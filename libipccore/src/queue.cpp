// SPDX-License-Identifier: MIT
#include "queue.hpp"

#include "error.hpp"

namespace ipc {
namespace {

Result<const ipc_queue_v1 *> table_of(const Address &address)
{
    const Plugin *plugin = IPC_TRY(load_plugin(address.mechanism));
    if (!plugin->queue())
        return usage_error("mechanism {} offers no queue", address.mechanism);
    IPC_TRY(plugin->check(address));
    return plugin->queue();
}

Result<void> at(const Address &address, const Result<void> &result)
{
    if (!result)
        return located(address.text(), result.error());
    return {};
}

} // namespace

Result<Queue> Queue::create(const Address &address, std::uint64_t max_messages, std::uint64_t max_message_size,
                            const Ownership &ownership)
{
    const ipc_queue_v1 *table = IPC_TRY(table_of(address));
    const CrossingAddress crossing(address);
    const ipc_ownership owner = {sizeof owner, ownership.mode, ownership.owner, ownership.group};
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

Result<Queue> Queue::open(const Address &address, Access access)
{
    const ipc_queue_v1 *table = IPC_TRY(table_of(address));
    const CrossingAddress crossing(address);
    ipc_queue *handle = nullptr;
    IPC_TRY(at(address, call(table->open, crossing.get(), static_cast<std::uint32_t>(access), &handle)));
    return Queue(address, table, handle);
}

Result<ipc_queue_status> Queue::status() const
{
    ipc_queue_status status = {};
    status.size = sizeof status;
    IPC_TRY(at(address_, call(table_->status, handle_.get(), &status)));
    return status;
}

Result<void> Queue::send(const Message &message, std::int64_t timeout)
{
    return at(address_, call(table_->send, handle_.get(), &message, timeout));
}

Result<void> Queue::receive(Message &message, std::int64_t timeout)
{
    return at(address_, call(table_->receive, handle_.get(), &message, timeout));
}

Result<void> Queue::peek(std::uint64_t index, Message &message)
{
    if (!table_->peek)
        return located(address_.text(), failure(ENOTSUP, "the kernel cannot show a message of this mechanism "
                                                         "without taking it (receive it and send it again)"));
    return at(address_, call(table_->peek, handle_.get(), index, &message));
}

Result<void> Queue::put_back(const Message &message)
{
    if (!table_->put_back)
        return located(address_.text(), failure(ENOTSUP, "the mechanism takes no message back"));
    return at(address_, call(table_->put_back, handle_.get(), &message));
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
