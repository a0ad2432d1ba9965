// SPDX-License-Identifier: MIT
// What the two halves of this plugin share: the table of inspect.cpp.
#pragma once

#include <ipc/inspect.hpp>

namespace ring_plugin {

extern const ipc_inspect_v1 inspect;

} // namespace ring_plugin
