// SPDX-License-Identifier: MIT
#include "helping_thread.hpp"

#include <system_error>

#include <csignal>
#include <utility>

namespace ipc {

HelpingThread::HelpingThread(std::function<void()> work) : work_(std::move(work))
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        thread_ = std::thread(work_);
        work_ = nullptr;
    } catch (const std::system_error &) { // RLIMIT_NPROC
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void HelpingThread::join()
{
    if (thread_.joinable())
        thread_.join();
    if (const std::function<void()> work = std::exchange(work_, nullptr))
        work();
}

} // namespace ipc
