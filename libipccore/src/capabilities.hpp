// SPDX-License-Identifier: MIT
// What the kernel lets this process do beyond its user's own things.
#pragma once

#include <cstdint>

namespace ipc {

/// The effective set, one bit per capability as <linux/capability.h> numbers them; capabilities(7).
std::uint64_t effective_capabilities();

inline bool has_capability(unsigned number) { return effective_capabilities() >> number & 1; }

} // namespace ipc
