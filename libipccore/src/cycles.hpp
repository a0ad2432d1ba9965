// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

namespace ipc {

/// A graph: where one gets from each node.
using Edges = std::vector<std::vector<std::size_t>>;

/// For each node the number of the cycle in which it lies, from 1 on in the order of the nodes; 0 if in none. Cycles
/// that share a node are one. An edge from a node to itself is none.
std::vector<std::size_t> find_cycles(const Edges &edges);

} // namespace ipc
