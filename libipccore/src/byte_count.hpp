// SPDX-License-Identifier: MIT
// How often a byte occurs: how many lines there are in a block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ipc {

std::uint64_t count_byte(std::span<const std::byte> bytes, char byte);

} // namespace ipc
