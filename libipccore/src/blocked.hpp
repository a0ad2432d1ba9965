// SPDX-License-Identifier: MIT
// Who waits for whom.
#pragma once

#include "snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace ipc {

/// One who waits. Points into the objects of which it was found.
struct Blocked {
    const Object *object; // for which, or for the part of it that `party` names
    const Party *party;
    const Holder *who;
    std::shared_ptr<const std::vector<const Party *>> held_by; // who have locked what it waits for, by process
    std::size_t cycle = 0; // all that have the same number wait for each other, for ever; 0: in no cycle
};

/// All who wait, in the order of the objects. A process that has something locked waits if a thread of it does (the one
/// that has locked it, where that is known), or if it waits for its child to end and that waits: `waits_for_child`
/// tells. Where any of several may go on first (slots), it takes all of them to make a cycle.
std::vector<Blocked> find_blocked(const std::vector<Object> &objects,
                                  const std::function<bool(std::int64_t process)> &waits_for_child);

} // namespace ipc
