// SPDX-License-Identifier: MIT
#include "memory_guard.hpp"

#include <csignal>

namespace ipc {
namespace {

MemoryGuard *innermost = nullptr;

/// Not SA_RESETHAND, since it may happen again; without a guard the instruction is tried again and ends the process.
void on_bus_error(int signal)
{
    if (innermost)
        siglongjmp(innermost->place, 1);
    std::signal(signal, SIG_DFL);
}

void install()
{
    struct sigaction action = {};
    action.sa_handler = on_bus_error;
    action.sa_flags = SA_NODEFER; // the jump leaves the signal mask alone
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, nullptr);
}

} // namespace

MemoryGuard::MemoryGuard() : outer_(innermost)
{
    static bool installed = false;
    if (!installed)
        install();
    installed = true;
    innermost = this;
}

MemoryGuard::~MemoryGuard() { innermost = outer_; }

} // namespace ipc
