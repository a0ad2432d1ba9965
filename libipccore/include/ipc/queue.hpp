// SPDX-License-Identifier: MIT
// ipc/queue.hpp - offer ipc.queue/1 with a class.
//
//     struct Channel {
//         static constexpr std::uint32_t features = IPC_QUEUE_PRIORITY;
//         static Result<std::unique_ptr<Channel>> create(const ipc_address &, std::uint64_t max_messages,
//                                                        std::uint64_t max_message_size, const ipc_ownership &);
//         static Result<std::unique_ptr<Channel>> open(const ipc_address &, std::uint32_t access);
//         Result<void> status(ipc_queue_status &);
//         Result<void> send(const ipc_message &, std::int64_t timeout);
//         Result<void> receive(ipc_message &, std::int64_t timeout);
//         Result<void> peek(std::uint64_t index, ipc_message &);                      // may be missing
//         Result<void> put_back(const ipc_message &);                                 // may be missing
//         Result<void> wait(std::uint32_t what, std::int64_t timeout);                // may be missing
//         Result<void> flush(std::int64_t timeout);                                   // may be missing
//     };
//     constexpr ipc_queue_v1 queue = ipc::queue_table<Channel>();
//
// What each must do is said in ipc/plugin.h; the destructor is close().
#pragma once

#include <ipc/plugin.hpp>

#include <memory>

namespace ipc {

template <typename Channel> constexpr ipc_queue_v1 queue_table()
{
    ipc_queue_v1 table = {};
    table.size = sizeof table;
    table.features = Channel::features;
    table.create = [](const ipc_address *address, std::uint64_t max_messages, std::uint64_t max_message_size,
                      const ipc_ownership *ownership, ipc_queue **queue, ipc_error *error) {
        return guarded(error, [&]() -> Result<void> {
            *queue = reinterpret_cast<ipc_queue *>(
                IPC_TRY(Channel::create(*address, max_messages, max_message_size, *ownership)).release());
            return {};
        });
    };
    table.open = [](const ipc_address *address, std::uint32_t access, ipc_queue **queue, ipc_error *error) {
        return guarded(error, [&]() -> Result<void> {
            *queue = reinterpret_cast<ipc_queue *>(IPC_TRY(Channel::open(*address, access)).release());
            return {};
        });
    };
    table.status = [](ipc_queue *queue, ipc_queue_status *status, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->status(*status); });
    };
    table.send = [](ipc_queue *queue, const ipc_message *message, std::int64_t timeout, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->send(*message, timeout); });
    };
    table.receive = [](ipc_queue *queue, ipc_message *message, std::int64_t timeout, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->receive(*message, timeout); });
    };
    if constexpr (requires(Channel & channel, ipc_message & message) { channel.peek(std::uint64_t{}, message); })
        table.peek = [](ipc_queue *queue, std::uint64_t index, ipc_message *message, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->peek(index, *message); });
        };
    if constexpr (requires(Channel & channel, const ipc_message &message) { channel.put_back(message); })
        table.put_back = [](ipc_queue *queue, const ipc_message *message, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->put_back(*message); });
        };
    if constexpr (requires(Channel & channel) { channel.wait(std::uint32_t{}, std::int64_t{}); })
        table.wait = [](ipc_queue *queue, std::uint32_t what, std::int64_t timeout, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->wait(what, timeout); });
        };
    if constexpr (requires(Channel & channel) { channel.flush(std::int64_t{}); })
        table.flush = [](ipc_queue *queue, std::int64_t timeout, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Channel *>(queue)->flush(timeout); });
        };
    table.close = [](ipc_queue *queue) { delete reinterpret_cast<Channel *>(queue); };
    return table;
}

} // namespace ipc
