// SPDX-License-Identifier: MIT
#include "dead_letters.hpp"

#include "error.hpp"

namespace ipc {

Result<DeadLetters> DeadLetters::open(const Address &address, const Queue &source)
{
    Queue queue = IPC_TRY(Queue::open(address, Access::write));
    const ipc_identity here = IPC_TRY(queue.status()).identity, there = IPC_TRY(source.status()).identity;
    const bool identified = here.number || here.device;
    if (address.text() == source.address().text() ||
        (identified && queue.address().mechanism == source.address().mechanism && here.space == there.space &&
         here.device == there.device && here.number == there.number))
        return usage_error("--dead-letter {} is the queue that messages are taken from (give another one)",
                           address.text());
    return DeadLetters(std::move(queue));
}

Result<void> DeadLetters::send(const TakenMessage &message, const FailedWork &failed)
{
    TakenMessage letter;
    append_json_message(message.view(), failed, letter.bytes);
    letter.fields = message.fields & queue_.features();
    letter.priority = message.priority;
    letter.type = message.type;
    IPC_TRY(queue_.send(letter.raw(), 0));
    return queue_.flush(0);
}

} // namespace ipc
