// SPDX-License-Identifier: MIT
// The kernel's System V segments, as ipc/sysv.hpp wants them described. shmget(2), shmctl(2).
#pragma once

#include <ipc/inspect.hpp>
#include <ipc/segment.hpp>
#include <ipc/sysv.hpp>

#include <sys/shm.h>

struct Segments {
    using Record = shmid_ds;
    static constexpr const char *noun = "segment";
    static constexpr int stat_any = SHM_STAT_ANY;
    static int get(key_t key, int flags) { return shmget(key, 0, flags); }
    static int control(int id, int command, Record *record) { return shmctl(id, command, record); }
    static auto &permissions(auto &record) { return record.shm_perm; }
    static std::time_t changed(const Record &record) { return record.shm_ctime; }
};

/// Limits, and what is used of them. `info` costs a walk over all segments, `limits` nothing.
struct SegmentTotals {
    static shminfo limits();
    static shm_info info();
};

/// The table of ipc.inspect/1.
extern const ipc_inspect_v1 segment_inspection;
