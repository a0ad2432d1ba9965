// SPDX-License-Identifier: MIT
// One pass over /proc: every shared mapping, open descriptor and blocked system call of every process.
#pragma once

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace ipc
{

/// A process as far as the pass needs it. `start` is in nanoseconds since 1970, from /proc/PID/stat and the boot time.
struct Process {
    std::int64_t id = 0;
    std::uint32_t user = 0;
    std::int64_t start = 0;
    std::uint64_t ipc_namespace = 0; // 0 if it may not be read
    std::string command;             // comm; any byte
};

/// Which of the kernel's two ways tells about mappings. `automatic` takes the query where the kernel has it.
enum class MappingSource { automatic, query, text };

struct ProcessPass {
    MappingSource mappings = MappingSource::automatic;
    bool descriptors = true;
    bool calls = true;
};

/// What could not be seen.
struct ProcessPassResult {
    std::uint64_t processes = 0; // looked at
    std::uint64_t hidden = 0;    // of these, not permitted to look into
};

/// Call `see` for everything there is. The sight's pointers are valid during the call only. A process that ends
/// meanwhile is no error. Permissions: own processes, or CAP_SYS_PTRACE (mappings) with CAP_DAC_READ_SEARCH
/// (descriptors, calls); proc(5), ioctl_procmap_query(2) (Linux 6.11), else /proc/PID/maps.
Result<ProcessPassResult> go_over_processes(const ProcessPass &pass,
                                            const std::function<void(const Process &, const ipc_sight &)> &see);

/// Does the running kernel have PROCMAP_QUERY?
bool has_mapping_query();

/// When process `id` started, in nanoseconds since 1970; 0 if there is no such process.
std::int64_t process_start(std::int64_t id);

} // namespace ipc
