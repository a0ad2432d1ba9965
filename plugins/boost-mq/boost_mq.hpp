// SPDX-License-Identifier: MIT
// What the parts of this plugin share: the making of a queue, the table of inspect.cpp.
#pragma once

#include "layout.hpp"

#include <ipc/inspect.hpp>

namespace boost_mq {

/// Make a queue of a file of zero bytes, which nobody else knows yet and which has the size that the layout says:
/// Boost's own code writes into it what the constructor of message_queue would.
ipc::Result<void> build(int descriptor, const Layout &layout);

extern const ipc_inspect_v1 inspect;

} // namespace boost_mq
