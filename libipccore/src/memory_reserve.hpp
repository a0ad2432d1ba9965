// SPDX-License-Identifier: MIT
// Memory that runs out while a message is in hand: that must not cost the message.
#pragma once

#include <ipc/result.hpp>

#include <new>
#include <type_traits>

namespace ipc {

/// Keep some memory aside, so that the way back of a message does not fail for want of a few bytes: the first `new` of
/// this program that fails gets it. Ask before each message that is taken; that costs nothing while the reserve is
/// whole. ENOMEM if there is none.
Result<void> keep_memory_reserve();

/// Free the reserve now: where plugins, whose `new` is another one, give messages back.
void free_memory_reserve();

/// ENOMEM.
Error out_of_memory();

/// What `function` returns, which is a Result; ENOMEM if it threw std::bad_alloc.
template <typename Function> std::invoke_result_t<Function> within_memory(Function &&function)
{
    try {
        return function();
    } catch (const std::bad_alloc &) {
        return out_of_memory();
    }
}

/// From now on std::bad_alloc that nobody catches, or that meets a function which may not throw, ends the process with
/// one sentence on stderr and status 1.
void end_without_memory();

} // namespace ipc
