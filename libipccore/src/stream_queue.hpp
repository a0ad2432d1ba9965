// SPDX-License-Identifier: MIT
// A stream as a queue, behind the same table that plugins offer for theirs.
#pragma once

#include "plugins.hpp"
#include "stream.hpp"

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace ipc {

/// Its create and open are not used: the functions below make what it works on. Messages have neither priority nor
/// type; none is shown without taking it, or taken back.
const ipc_queue_v1 &stream_queue_table();

/// Make what lasts, if the mechanism has such a thing (ENOTSUP); a stream sets no limits (EINVAL unless they are 0).
Result<ipc_queue *> create_stream_queue(const Plugin &plugin, const Address &address, std::uint64_t max_messages,
                                        std::uint64_t max_message_size, const ipc_ownership &ownership);

/// To receive, if `access` holds IPC_READ, else to send. Receiving begins, and waiting for a receiver, with the first
/// message.
Result<ipc_queue *> open_stream_queue(const Plugin &plugin, const Address &address, std::uint32_t access,
                                      const StreamLimits &limits);

/// Of a queue that one of these made: StreamSender's and StreamReceiver's functions of these names.
bool takes_blocks(ipc_queue *queue, char delimiter);
Result<void> send_block(ipc_queue *queue, std::span<const std::byte> records, std::int64_t timeout);
std::size_t receive_block(ipc_queue *queue, std::span<std::byte> room, char delimiter);

} // namespace ipc
