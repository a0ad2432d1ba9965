// SPDX-License-Identifier: MIT
#include "guarded_access.hpp"

#include "error.hpp"

#include <csetjmp>
#include <csignal>
#include <cstdint>

namespace ipc {
namespace {

struct Guard {
    std::uintptr_t begin, length;
    volatile std::uintptr_t fault;
    struct sigaction before;
    sigjmp_buf back;
};
Guard *guard = nullptr;

void on_fault(int signal, siginfo_t *info, void *)
{
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    if (info->si_code > 0 && address - guard->begin < guard->length) {
        guard->fault = address - guard->begin;
        siglongjmp(guard->back, 1);
    }
    // Somebody else's: as if there were no guard.
    sigaction(signal, &guard->before, nullptr);
    std::raise(signal);
}

/// Without SA_NODEFER the jump would have to restore the mask of signals, a system call for each use.
void set_handler(Guard &ours)
{
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    guard = &ours;
    sigaction(SIGBUS, &action, &ours.before);
}

} // namespace

Result<void> guarded_access(std::span<const std::byte> memory, void (*access)(void *context), void *context)
{
    Guard ours = {};
    ours.begin = reinterpret_cast<std::uintptr_t>(memory.data());
    ours.length = memory.size();
    set_handler(ours);
    const bool faulted = sigsetjmp(ours.back, 0) != 0;
    if (!faulted)
        access(context);
    sigaction(SIGBUS, &ours.before, nullptr);
    if (!faulted)
        return {};
    return failure(EIO, "its memory at offset {} is gone: somebody made it smaller, or no memory is left for it",
                   std::uintptr_t(ours.fault));
}

namespace {

sigjmp_buf *way_back = nullptr; ///< while a guarded call is made

void on_fault_in_call(int signal, siginfo_t *info, void *)
{
    if (way_back && info->si_code > 0)
        siglongjmp(*way_back, 1);
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void set_lasting_handler()
{
    static bool is_set = false;
    if (is_set)
        return;
    struct sigaction action = {};
    action.sa_sigaction = on_fault_in_call;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, nullptr);
    is_set = true;
}

} // namespace

Result<void> guarded_call(void (*call)(void *context), void *context)
{
    set_lasting_handler();
    sigjmp_buf back;
    const bool faulted = sigsetjmp(back, 0) != 0;
    way_back = faulted ? nullptr : &back;
    if (!faulted)
        call(context);
    way_back = nullptr;
    if (!faulted)
        return {};
    return failure(EIO, "its memory is gone: somebody made it smaller, or no memory is left for it");
}

} // namespace ipc
