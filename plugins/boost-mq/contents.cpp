// SPDX-License-Identifier: MIT
#include "contents.hpp"

#include <cinttypes>
#include <cstring>

namespace boost_mq {

using ipc::Error;
using ipc::Result;

Error Contents::lost(std::uint64_t place) const
{
    return damaged("place %" PRIu64 " of its index means no message", place);
}

std::optional<std::uint32_t> Contents::priority_at(std::uint64_t place) const
{
    const std::uint64_t number = number_at(place);
    return number < layout_.max_messages ? std::optional(load(block(number).priority)) : std::nullopt;
}

/// Give place `to` of the index what `from` has; false if that is nothing.
bool Contents::move(std::uint64_t from, std::uint64_t to) const
{
    const std::uint64_t number = number_at(from);
    if (number == layout_.max_messages)
        return false;
    store(slot(to), layout_.pointer(to, number));
    return true;
}

/// Before the first whose priority is not lower. Mostly that is one of the ends, so these are looked at first.
std::optional<std::uint64_t> Contents::position_for(std::uint32_t priority, std::uint64_t count,
                                                    std::uint64_t first) const
{
    std::uint64_t low = 0, high = count, position = 0;
    while (low < high) {
        const std::optional<std::uint32_t> there = priority_at(layout_.place(first, position));
        if (!there)
            return std::nullopt;
        if (*there >= priority)
            high = position;
        else
            low = position + 1;
        position = low == 1 && high == count ? count - 1 : low + (high - low) / 2;
    }
    return low;
}

/// The length comes last: what has one is complete.
void Contents::fill(std::uint64_t number, const ipc_message &message, std::uint32_t priority) const
{
    Block &at = block(number);
    if (message.length)
        std::memcpy(&at + 1, message.bytes, message.length);
    store(at.priority, priority);
    shared(at.length).store(message.length, std::memory_order_release);
}

Result<void> Contents::insert(const ipc_message &message, std::uint32_t priority)
{
    const std::uint64_t count = load(header().count), first = load(header().first);
    IPC_TRY(check_state(layout_, count, first));
    const std::optional<std::uint64_t> position = position_for(priority, count, first);
    if (!position)
        return damaged("its index means no message");
    // The messages on the shorter side make room, and a free block comes from beyond them.
    const bool in_front = *position <= count / 2;
    const std::uint64_t before = first ? first - 1 : layout_.max_messages - 1;
    const std::uint64_t free_place = in_front ? before : layout_.place(first, count);
    const std::uint64_t number = number_at(free_place);
    if (number == layout_.max_messages)
        return lost(free_place);
    fill(number, message, priority);
    const std::uint64_t start = in_front ? before : first;
    std::uint64_t place = free_place;
    if (in_front)
        for (std::uint64_t i = 0; i < *position; i++) {
            const std::uint64_t next = layout_.place(first, i);
            if (!move(next, place))
                return lost(next);
            place = next;
        }
    else
        for (std::uint64_t i = count; i > *position; i--) {
            const std::uint64_t next = layout_.place(first, i - 1);
            if (!move(next, place))
                return lost(next);
            place = next;
        }
    store(slot(place), layout_.pointer(place, number));
    store(header().first, start);
    store(header().count, count + 1);
    return {};
}

Result<void> Contents::take(ipc_message &message)
{
    const std::uint64_t count = load(header().count), first = load(header().first);
    IPC_TRY(check_state(layout_, count, first));
    const std::uint64_t place = layout_.place(first, count - 1);
    const std::uint64_t number = number_at(place);
    if (number == layout_.max_messages)
        return lost(place);
    Block &at = block(number);
    const std::uint64_t length = load(at.length);
    if (length > layout_.max_message_size)
        return damaged("its next message would have %" PRIu64 " bytes, and may have %" PRIu64, length,
                       layout_.max_message_size);
    if (length > message.capacity)
        return Error::of(EMSGSIZE, "the next message has %" PRIu64 " bytes and there is room for %" PRIu64, length,
                         message.capacity);
    if (length)
        std::memcpy(message.bytes, &at + 1, length);
    message.length = length;
    message.priority = load(at.priority);
    store(header().count, count - 1);
    store(at.length, std::uint64_t(0)); // Boost counts on that of a free one
    store(at.priority, std::uint32_t(0));
    return {};
}

} // namespace boost_mq
