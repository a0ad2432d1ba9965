// SPDX-License-Identifier: MIT
// What is known of one object's parties, put together: the same thread is seen in several ways.
#pragma once

#include "snapshot.hpp"

#include <vector>

namespace ipc {

/// One party of those that say the same of a process, knowing what any of them knows; by process.
void merge_parties(std::vector<Party> &parties);

/// Enter them at their holders, and those that are not among them behind them.
void enter_parties(const std::vector<Party> &parties, std::vector<Holder> &holders);

/// Enter at a holder that it has such a role.
void enter_role(std::uint32_t role, Holder &holder);

} // namespace ipc
