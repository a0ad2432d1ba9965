// SPDX-License-Identifier: MIT
#include "processes.hpp"

#include "directory.hpp"
#include "error.hpp"
#include "helping_thread.hpp"
#include "process_look.hpp"
#include "sights.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>

#include <array>
#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ipc {
namespace {

/// Fewer processes are looked at before a second thread would have begun.
constexpr std::size_t worth_two_threads = 64;

using See = std::function<void(const ipc_sight &)>;

} // namespace

/// Of a crowd, several threads look at the next process in turn; what they saw is told by the first, in the order of
/// the processes. The first also asks the mechanisms, which may mean to sleep, so that one thread more keeps its
/// processor busy.
struct ProcessWalk::State {
    struct Seen {
        Sights sights;
        std::atomic<bool> is_complete = false;
    };

    State(const ProcessPass &wanted, Fd directory)
        : pass(wanted), proc(std::move(directory)),
          by_query(pass.mappings != MappingSource::text && has_mapping_query())
    {
        unlisted = for_each_entry(proc.get(), [&](const char *name) {
            if (name[0] >= '1' && name[0] <= '9')
                processes.emplace_back(name);
        });
        if (processes.size() < worth_two_threads || std::thread::hardware_concurrency() < 2)
            return;
        seen = std::vector<Seen>(processes.size());
        for (ProcessPassResult &result : others)
            helpers.emplace_back([this, &result] { result = look([] {}); });
    }

    template <typename After> ProcessPassResult look(After after)
    {
        Sights *current = nullptr;
        const auto walk = std::make_unique<ProcessLook>(pass, proc.get(), by_query,
                                                        [&](const ipc_sight &sight) { current->add(sight); });
        for (std::size_t index; (index = next++) < processes.size();) {
            current = &seen[index].sights;
            walk->visit(processes[index].c_str());
            seen[index].is_complete.store(true, std::memory_order_release);
            after();
        }
        return walk->result();
    }

    ProcessPassResult look_alone(const See &see)
    {
        const auto walk = std::make_unique<ProcessLook>(pass, proc.get(), by_query, see);
        for (const std::string &process : processes)
            walk->visit(process.c_str());
        return walk->result();
    }

    ProcessPassResult look_together(const See &see)
    {
        const auto tell_more = [&] {
            for (; told < seen.size() && seen[told].is_complete.load(std::memory_order_acquire); told++) {
                seen[told].sights.tell(see);
                seen[told].sights = {};
            }
        };
        ProcessPassResult sum = look(tell_more);
        for (HelpingThread &helper : helpers)
            helper.join();
        tell_more();
        for (const ProcessPassResult &other : others) {
            sum.processes += other.processes;
            sum.hidden += other.hidden;
            sum.failed += other.failed;
            sum.failure = sum.failure ? sum.failure : other.failure;
        }
        return sum;
    }

    const ProcessPass pass;
    const Fd proc;
    const bool by_query;
    int unlisted = 0; // why there may be more of them
    std::vector<std::string> processes;
    std::vector<Seen> seen;
    std::atomic<std::size_t> next = 0;
    std::size_t told = 0;
    std::array<ProcessPassResult, 2> others;
    std::list<HelpingThread> helpers; // the last, and so the first to end
};

ProcessWalk::ProcessWalk(std::unique_ptr<State> state) : state_(std::move(state)) {}
ProcessWalk::ProcessWalk(ProcessWalk &&) noexcept = default;
ProcessWalk::~ProcessWalk() = default;

Result<ProcessWalk> ProcessWalk::begin(const ProcessPass &pass)
{
    if (pass.mappings == MappingSource::query && !has_mapping_query())
        return failure(ENOTSUP, "this kernel has no PROCMAP_QUERY (it came with Linux 6.11)");
    Fd directory(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return Error::system("/proc cannot be read");
    return ProcessWalk(std::make_unique<State>(pass, std::move(directory)));
}

ProcessPassResult ProcessWalk::tell(const std::function<void(const ipc_sight &)> &see)
{
    ProcessPassResult result = state_->helpers.empty() ? state_->look_alone(see) : state_->look_together(see);
    result.view = look_at_proc();
    result.failure = state_->unlisted ? state_->unlisted : result.failure;
    return result;
}

Result<ProcessPassResult> go_over_processes(const ProcessPass &pass, const std::function<void(const ipc_sight &)> &see)
{
    ProcessWalk walk = IPC_TRY(ProcessWalk::begin(pass));
    return walk.tell(see);
}

} // namespace ipc
