// SPDX-License-Identifier: MIT
// Memory that is shared can be taken away: whoever may write a file may make it shorter, and the next one who touches
// what is gone gets SIGBUS. A command should say so instead of dying of it.
#pragma once

#include "guarded_access.hpp"

#include <csetjmp>

namespace ipc {

/// Where the signal goes while one of these lives; the innermost counts. For one thread.
class MemoryGuard {
public:
    MemoryGuard();
    MemoryGuard(const MemoryGuard &) = delete;
    MemoryGuard &operator=(const MemoryGuard &) = delete;
    ~MemoryGuard();
    sigjmp_buf place;

private:
    MemoryGuard *outer_;
};

/// Do `work`; false if memory that it touched was gone. It is then left where it stood, without any destructor: what it
/// worked on is good for nothing any more, not even for being closed.
template <typename Work> bool while_memory_lasts(Work &&work)
{
    MemoryGuard guard;
    const GuardState guards = guard_state();
    if (sigsetjmp(guard.place, 0) != 0) {
        return_to(guards);
        return false;
    }
    work();
    return true;
}

} // namespace ipc
