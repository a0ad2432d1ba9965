// SPDX-License-Identifier: MIT
// What is known of one object's parties, put together: the same thread is seen in several ways.
#pragma once

#include "snapshot.hpp"

#include <vector>

namespace ipc {

/// One party of those that say the same of a process, knowing what any of them knows; by process. Who sleeps at a word
/// that another one has locked waits to lock it.
void merge_parties(std::vector<Party> &parties);

/// Enter them at their holders, and those that are not among them behind them.
void enter_parties(const std::vector<Party> &parties, std::vector<Holder> &holders);

/// Add to a party what its process tells; false if that is not among the object's holders, having ended.
bool complete_party(Party &party, const Object &object);

} // namespace ipc
