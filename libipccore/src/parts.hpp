// SPDX-License-Identifier: MIT
// What lies inside a segment that has a structure of its own, for people and for programs.
#pragma once

#include "segment.hpp"

#include <span>
#include <string>

namespace ipc {

/// An aligned table with NAME, TYPE, SIZE and OFFSET, in bytes; free memory is "(free)". Harmless for a terminal.
std::string parts_table(std::span<const Segment::Part> parts);

/// The same as a line of JSON without its newline: {"address":…,"parts":[{"name","type","size","offset","free"}…]}.
/// What is not known is null, and so are the name and type of free memory.
std::string parts_json(const Address &address, std::span<const Segment::Part> parts);

} // namespace ipc
