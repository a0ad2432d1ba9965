// SPDX-License-Identifier: MIT
// The messages of a queue in memory that is mapped for writing. The queue's lock is held by whoever calls, where it
// does not say otherwise; that the others keep to it is not believed. Whatever is done owns nothing, so that it may be
// given up at any instruction.
#pragma once

#include "layout.hpp"
#include "shared_word.hpp"

#include <ipc/plugin.h>

namespace boost_mq {

class Contents {
public:
    Contents(void *memory, const Layout &layout) : memory_(static_cast<char *>(memory)), layout_(layout) {}

    Header &header() const { return *reinterpret_cast<Header *>(memory_); }
    const Layout &layout() const { return layout_; }

    /// How many wait; without the lock too.
    std::uint64_t count() const { return load(header().count); }
    bool is_empty() const { return count() == 0; }
    bool is_full() const { return count() >= layout_.max_messages; }

    /// Behind all of its priority. There is room, and the message fits. EBADMSG if the queue is damaged.
    ipc::Result<void> insert(const ipc_message &message, std::uint32_t priority);
    /// The first one, of which there is one. EMSGSIZE if `message` has no room for it, EBADMSG if the queue is damaged;
    /// then it stays.
    ipc::Result<void> take(ipc_message &message);

private:
    std::uint64_t &slot(std::uint64_t place) const
    {
        return *reinterpret_cast<std::uint64_t *>(memory_ + layout_.slot(place));
    }
    Block &block(std::uint64_t number) const { return *reinterpret_cast<Block *>(memory_ + layout_.block(number)); }
    /// The block that `place` of the index means; max_messages if none.
    std::uint64_t number_at(std::uint64_t place) const
    {
        return layout_.number(place, load(slot(place))).value_or(layout_.max_messages);
    }
    std::optional<std::uint32_t> priority_at(std::uint64_t place) const;
    bool move(std::uint64_t from, std::uint64_t to) const;
    std::optional<std::uint64_t> position_for(std::uint32_t priority, std::uint64_t count, std::uint64_t first) const;
    ipc::Error lost(std::uint64_t place) const;
    void fill(std::uint64_t number, const ipc_message &message, std::uint32_t priority) const;

    char *memory_;
    Layout layout_;
};

} // namespace boost_mq
