// SPDX-License-Identifier: MIT
// Looking at messages without taking them: the queue is mapped for reading alone, and its lock is not taken. What
// changed while it was copied is copied again.
#pragma once

#include "layout.hpp"

#include <ipc/plugin.h>

#include <vector>

namespace boost_mq {

class Glance {
public:
    /// `memory` is `layout.bytes` long and may be cut off meanwhile.
    Glance(const void *memory, const Layout &layout) : memory_(static_cast<const char *>(memory)), layout_(layout) {}

    /// The message that would be received after `index` others. ENOMSG behind the last one; EBADMSG for one that cannot
    /// be told from the queue, whose others may be sound; EMSGSIZE; EBUSY if it never was the same twice.
    ///
    /// Of a queue that was left locked those are shown that are whole, each once, also one that the interrupted change
    /// had just moved out of the index. One without bytes and priority looks like one that is being sent or received.
    ipc::Result<void> peek(std::uint64_t index, ipc_message &message);

private:
    struct Sight;
    const Header &header() const { return *reinterpret_cast<const Header *>(memory_); }
    ipc::Result<Sight> settle(std::uint64_t index, ipc_message &message);
    void look(std::uint64_t index, ipc_message &message, Sight &sight) const;
    ipc::Result<void> copy_all(std::vector<std::uint64_t> &pointers, std::vector<Block> &blocks, Sight &sight) const;
    ipc::Result<void> survey();
    ipc::Result<void> peek_left(std::uint64_t index, ipc_message &message);

    const char *memory_;
    Layout layout_;
    std::vector<std::uint64_t> left_; // numbers of the messages of a queue that was left locked, in their order
    bool is_surveyed_ = false;
};

} // namespace boost_mq
