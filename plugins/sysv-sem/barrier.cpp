// SPDX-License-Identifier: MIT
// A barrier of four semaphores: how many are missing, whether it is closed, for how many it is, barrier_mark.
//
// Who arrives lowers `missing` with SEM_UNDO, so that a dead one was never there. When it is 0 whoever sees that first
// opens it, in one operation with looking, and then all who arrived go. Each that leaves raises `missing` again, also
// by dying: when it is N all have left, and it can be closed again. Sets change all or nothing of an operation, so that
// no two of these happen half.
#include "sets.hpp"

using namespace ipc;

namespace {

constexpr unsigned short missing = 0, closed = 1;

/// Everybody of the round before has left: the next one begins.
int close_again(const Set &set, std::uint64_t parties)
{
    const auto all = static_cast<short>(parties);
    return set.try_now(
        {{missing, static_cast<short>(-all), IPC_NOWAIT}, {missing, all, 0}, {closed, 0, IPC_NOWAIT}, {closed, 1, 0}});
}

/// Wait a moment for others to leave; 0 to try again, else why not.
int pause_for(const Deadline &deadline)
{
    if (deadline.over())
        return deadline.code();
    const timespec pause = timespec_of(deadline.left_within(1'000'000));
    nanosleep(&pause, nullptr);
    return wait_is_interrupted() ? EINTR : 0;
}

int arrive(const Set &set, std::uint64_t parties, const Deadline &deadline)
{
    for (;;) {
        const int code = set.try_now({{closed, -1, IPC_NOWAIT}, {closed, 1, 0}, {missing, -1, IPC_NOWAIT | SEM_UNDO}});
        if (code != EAGAIN)
            return code;
        if (close_again(set, parties) == 0)
            continue;
        if (const int reason = pause_for(deadline))
            return reason;
    }
}

Error vain(int code, std::uint64_t parties)
{
    if (code == EINTR)
        return Error::of(EINTR, "interrupted before all had come");
    return Error::of(code, "not all %llu came in the time given, so that none went (wait longer, or start more)",
                     static_cast<unsigned long long>(parties));
}

Error meeting_error(int code, const Set &set, std::uint64_t parties)
{
    if (code == EAGAIN || code == ETIMEDOUT || code == EINTR)
        return vain(code, parties);
    return operation_error(code, set.id(), "meeting at it");
}

/// Having arrived, wait for the others; 0 when all are there, else this one has withdrawn.
int wait_for_all(const Set &set, const Deadline &deadline)
{
    const int opened = set.try_now({{missing, 0, IPC_NOWAIT}, {closed, -1, IPC_NOWAIT}});
    if (opened != EAGAIN)
        return opened;
    const int code = set.run({{closed, 0, 0}}, deadline);
    if (code != EAGAIN && code != ETIMEDOUT && code != EINTR)
        return code;
    // Only while it is closed: had the last one come at this moment, this one goes with the others.
    const int withdrawn = set.try_now({{closed, -1, IPC_NOWAIT}, {closed, 1, 0}, {missing, 1, SEM_UNDO}});
    return withdrawn == EAGAIN ? 0 : withdrawn ? withdrawn : code;
}

} // namespace

Result<void> meet_at(const Set &set, std::uint64_t parties, std::int64_t timeout)
{
    const Deadline deadline(timeout);
    int code = arrive(set, parties, deadline);
    if (!code)
        code = wait_for_all(set, deadline);
    if (code)
        return meeting_error(code, set, parties);
    if (const int left = set.try_now({{missing, 1, SEM_UNDO}}))
        return meeting_error(left, set, parties);
    (void)close_again(set, parties); // as the last of them
    return {};
}
