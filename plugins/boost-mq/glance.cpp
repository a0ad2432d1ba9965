// SPDX-License-Identifier: MIT
#include "glance.hpp"

#include "shared_word.hpp"

#include <ipc/plugin.hpp>

#include <sched.h>

#include <algorithm>
#include <cinttypes>
#include <cstring>
#include <ctime>

namespace boost_mq {

using ipc::Error;
using ipc::Result;

/// What was found at one moment, perhaps in the middle of a change.
struct Glance::Sight {
    ipc::SharedMutex mutex;
    std::uint64_t count, first, place, pointer;
    Block block;
    bool is_same; // at the beginning and at the end
};

namespace {

Error gone() { return Error::of(EIO, "the memory of the queue is gone: somebody made it smaller"); }

Error no_more() { return Error::of(ENOMSG, "there are no more messages"); }

ipc::SharedMutex copy_of(const ipc::SharedMutex &mutex)
{
    ipc::SharedMutex copy = {};
    copy.word = load(mutex.word);
    copy.owner = load(mutex.owner);
    copy.kind = load(mutex.kind);
    return copy;
}

bool was_left(const ipc::SharedMutex &mutex) { return ipc::died_with_holder(mutex) || ipc::is_unusable(mutex); }

Result<void> check_length(std::uint64_t length, const Layout &layout, const ipc_message &message)
{
    if (length > layout.max_message_size)
        return damaged("a message would have %" PRIu64 " bytes, and may have %" PRIu64, length,
                       layout.max_message_size);
    if (length > message.capacity)
        return Error::of(EMSGSIZE, "the message has %" PRIu64 " bytes and there is room for %" PRIu64, length,
                         message.capacity);
    return {};
}

} // namespace

/// Copies the message too, if it is one.
void Glance::look(std::uint64_t index, ipc_message &message, Sight &sight) const
{
    const Header &now = header();
    sight = {};
    sight.mutex = copy_of(now.mutex);
    sight.count = shared(now.count).load(std::memory_order_acquire);
    sight.first = load(now.first);
    if (sight.count > layout_.max_messages || sight.first >= layout_.max_messages || index >= sight.count) {
        sight.is_same = load(now.count) == sight.count && load(now.first) == sight.first;
        return;
    }
    sight.place = layout_.place(sight.first, sight.count - 1 - index);
    const auto &slot = *reinterpret_cast<const std::uint64_t *>(memory_ + layout_.slot(sight.place));
    sight.pointer = load(slot);
    const auto number = layout_.number(sight.place, sight.pointer);
    const Block *block = number ? reinterpret_cast<const Block *>(memory_ + layout_.block(*number)) : nullptr;
    if (block) {
        sight.block = {load(block->length), load(block->priority), 0};
        if (sight.block.length <= std::min(layout_.max_message_size, message.capacity) && sight.block.length)
            std::memcpy(message.bytes, block + 1, sight.block.length);
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    sight.is_same =
        load(now.count) == sight.count && load(now.first) == sight.first && load(now.mutex.word) == sight.mutex.word &&
        load(slot) == sight.pointer &&
        (!block || (load(block->length) == sight.block.length && load(block->priority) == sight.block.priority));
}

/// Look until nothing changes meanwhile; a lock that stays held is not waited for.
Result<Glance::Sight> Glance::settle(std::uint64_t index, ipc_message &message)
{
    constexpr int attempts = 4000, patient = 200;
    Sight sight = {};
    for (int attempt = 0; attempt < attempts; attempt++) {
        if (ipc::attempt(memory_, layout_.bytes, IPC_FOREVER, [&] { look(index, message, sight); }) != 0)
            return gone();
        if (sight.is_same && (!sight.mutex.word || was_left(sight.mutex) || attempt > patient))
            return sight;
        constexpr timespec nap = {0, 20'000};
        if (attempt % 4 == 3)
            ::nanosleep(&nap, nullptr);
    }
    return Error::of(EBUSY, "messages come and go faster than they can be looked at (stop those who use the queue)");
}

Result<void> Glance::peek(std::uint64_t index, ipc_message &message)
{
    if (is_surveyed_ && index > 0)
        return peek_left(index, message);
    const Sight sight = IPC_TRY(settle(index, message));
    if (ipc::is_left(sight.mutex)) {
        IPC_TRY(survey());
        return peek_left(index, message);
    }
    is_surveyed_ = false;
    IPC_TRY(check_state(layout_, sight.count, sight.first));
    if (index >= sight.count)
        return no_more();
    if (!layout_.number(sight.place, sight.pointer))
        return damaged("place %" PRIu64 " of its index means no message", sight.place);
    IPC_TRY(check_length(sight.block.length, layout_, message));
    message.length = sight.block.length;
    message.priority = sight.block.priority;
    message.fields = IPC_QUEUE_PRIORITY;
    return {};
}

/// The whole index, and what stands in front of each message.
Result<void> Glance::copy_all(std::vector<std::uint64_t> &pointers, std::vector<Block> &blocks, Sight &sight) const
{
    pointers.resize(layout_.max_messages);
    blocks.resize(layout_.max_messages);
    const int failed = ipc::attempt(memory_, layout_.bytes, IPC_FOREVER, [&] {
        sight.count = load(header().count);
        sight.first = load(header().first);
        std::memcpy(pointers.data(), memory_ + Layout::index, pointers.size() * sizeof pointers[0]);
        for (std::uint64_t number = 0; number < layout_.max_messages; number++)
            std::memcpy(&blocks[number], memory_ + layout_.block(number), sizeof(Block));
    });
    return failed ? gone() : Result<void>();
}

/// Find the messages of a queue that was left in the middle of a change. A block that is free has no length; so what
/// has one and stands nowhere was just being moved to make room for another.
Result<void> Glance::survey()
{
    std::vector<std::uint64_t> pointers;
    std::vector<Block> blocks;
    Sight sight = {};
    IPC_TRY(copy_all(pointers, blocks, sight));
    IPC_TRY(check_state(layout_, sight.count, sight.first));
    std::vector<bool> met(layout_.max_messages);
    left_.clear();
    for (std::uint64_t position = sight.count; position > 0; position--) {
        const std::uint64_t place = layout_.place(sight.first, position - 1);
        const auto number = layout_.number(place, pointers[place]);
        if (number && !met[*number])
            left_.push_back(*number);
        if (number)
            met[*number] = true;
    }
    for (std::uint64_t number = 0; number < layout_.max_messages; number++)
        if (!met[number] && blocks[number].length)
            left_.push_back(number);
    std::stable_sort(left_.begin(), left_.end(), [&](std::uint64_t left, std::uint64_t right) {
        return blocks[left].priority > blocks[right].priority;
    });
    if (!is_surveyed_ && ipc::host)
        ipc::host->notice("the queue was left locked by a process that died; the message that it was just sending may "
                          "be incomplete");
    is_surveyed_ = true;
    return {};
}

Result<void> Glance::peek_left(std::uint64_t index, ipc_message &message)
{
    if (index >= left_.size())
        return no_more();
    const auto *block = reinterpret_cast<const Block *>(memory_ + layout_.block(left_[index]));
    Block copy = {};
    const int failed = ipc::attempt(memory_, layout_.bytes, IPC_FOREVER, [&] {
        copy = {load(block->length), load(block->priority), 0};
        if (copy.length <= std::min(layout_.max_message_size, message.capacity) && copy.length)
            std::memcpy(message.bytes, block + 1, copy.length);
    });
    if (failed)
        return gone();
    IPC_TRY(check_length(copy.length, layout_, message));
    if (copy.length == 0 && copy.priority == 0)
        return Error::of(EBADMSG, "the message has neither bytes nor priority, like one that was just being sent or "
                                  "received when the process died");
    message.length = copy.length;
    message.priority = copy.priority;
    message.fields = IPC_QUEUE_PRIORITY;
    return {};
}

} // namespace boost_mq
