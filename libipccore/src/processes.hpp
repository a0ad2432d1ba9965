// SPDX-License-Identifier: MIT
// One pass over /proc: every shared mapping, open descriptor and blocked system call of every process.
#pragma once

#include "proc_view.hpp"

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace ipc {

/// Which of the kernel's two ways tells about mappings. `automatic` takes the query where the kernel has it.
enum class MappingSource { automatic, query, text };

struct ProcessPass {
    MappingSource mappings = MappingSource::automatic;
    std::uint32_t wanted = ~0u;         // IPC_CLAIMS_…: what else there is is passed over
    bool calls_beside_mappings = false; // calls of processes that share memory, even where calls are not wanted
};

/// What could not be seen. Kernel threads and processes that have ended do not count.
struct ProcessPassResult {
    std::uint64_t processes = 0; // looked at
    std::uint64_t hidden = 0;    // of these, not permitted to look into, or only in part
    std::uint64_t failed = 0;    // of these, not looked into, or only in part, though permitted
    int failure = 0;             // an errno value: why that was so of one of them, or of the list of them all
    ProcView view;               // and those that were not there to be looked at

    bool is_whole() const { return hidden == 0 && failure == 0 && view.is_whole(); }
};

/// Call `see` for everything there is, process by process: its mappings, then its descriptors, then its calls. The
/// sight's pointers are valid during the call only. A process that ends meanwhile is no error; ENOTSUP if a way was
/// asked for that the kernel lacks. Permissions: own processes, or CAP_SYS_PTRACE (mappings) with CAP_DAC_READ_SEARCH
/// (descriptors, calls); proc(5), ioctl_procmap_query(2) (Linux 6.11), else /proc/PID/maps.
///
/// The two ways differ in what text cannot say: a newline in a name and a backslash followed by 012 look the same
/// there, and the page size is 0, not known.
Result<ProcessPassResult> go_over_processes(const ProcessPass &pass, const std::function<void(const ipc_sight &)> &see);

/// The same in two steps, for who has something else to do between them: of a crowd another thread looks meanwhile, by
/// system calls alone.
class ProcessWalk {
public:
    /// Errors as above.
    static Result<ProcessWalk> begin(const ProcessPass &pass);
    ProcessWalk(ProcessWalk &&) noexcept;
    ~ProcessWalk();
    /// Once: what there is, in this thread.
    ProcessPassResult tell(const std::function<void(const ipc_sight &)> &see);

private:
    struct State;
    explicit ProcessWalk(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace ipc
