// SPDX-License-Identifier: MIT
// Time limits for msgsnd(2) and msgrcv(2), which know none.
#pragma once

#include <ipc/deadline.hpp>

#include <sys/ipc.h>
#include <sys/types.h>

/// Run `call(flags)`, a msgsnd or msgrcv, within the timeout: one system call, unless it has to wait for a limited time
/// or is woken early. Its result, or the negative errno value.
template <typename Call> ssize_t within(std::int64_t timeout, Call &&call)
{
    if (timeout != IPC_FOREVER) {
        const ssize_t result = call(IPC_NOWAIT);
        if (result >= 0)
            return result;
        if (timeout == 0 || (errno != EAGAIN && errno != ENOMSG))
            return -errno;
    }
    ssize_t result = -1;
    const int code = ipc::call_until(ipc::Deadline(timeout), [&] {
        result = call(0);
        return result < 0 ? -1 : 0;
    });
    return code ? -code : result;
}
