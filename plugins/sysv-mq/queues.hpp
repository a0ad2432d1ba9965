// SPDX-License-Identifier: MIT
// The kernel's System V queues, as ipc/sysv.hpp wants them described. msgget(2), msgctl(2).
#pragma once

#include <ipc/inspect.hpp>
#include <ipc/queue.hpp>
#include <ipc/sysv.hpp>

#include <sys/msg.h>

#include <algorithm>

struct Queues {
    using Record = msqid_ds;
    static constexpr const char *noun = "queue";
    static constexpr int stat_any = MSG_STAT_ANY;
    static int get(key_t key, int flags) { return msgget(key, flags); }
    static int control(int id, int command, Record *record) { return msgctl(id, command, record); }
    static auto &permissions(auto &record) { return record.msg_perm; }
    static std::time_t changed(const Record &record) { return record.msg_ctime; }
};

/// Which limits there are: msgmax, msgmnb, msgmni.
inline msginfo queue_limits()
{
    msginfo limits = {};
    msgctl(0, IPC_INFO, reinterpret_cast<msqid_ds *>(&limits));
    return limits;
}

/// How many queues exist.
inline std::uint64_t queues_in_use()
{
    msginfo used = {};
    msgctl(0, MSG_INFO, reinterpret_cast<msqid_ds *>(&used));
    return static_cast<std::uint64_t>(used.msgpool);
}

/// Bytes of the largest message that a queue of this capacity takes.
inline std::uint64_t largest_message(const msginfo &limits, std::uint64_t capacity)
{
    return std::min(static_cast<std::uint64_t>(limits.msgmax), capacity);
}

/// The table of ipc.inspect/1.
extern const ipc_inspect_v1 queue_inspection;
