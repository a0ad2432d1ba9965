// SPDX-License-Identifier: MIT
// A second thread that does half of a job. It calls no plugin: they are for the first thread.
#pragma once

#include <functional>
#include <thread>

namespace ipc {

/// Does `work` in another thread, which no signal interrupts: they are the first one's. Where none can be started,
/// join() does it.
class HelpingThread {
public:
    explicit HelpingThread(std::function<void()> work);
    HelpingThread(const HelpingThread &) = delete;
    HelpingThread &operator=(const HelpingThread &) = delete;
    ~HelpingThread() { join(); }
    /// Until the work is done.
    void join();

private:
    std::function<void()> work_; // nothing once it is done, or another thread does it
    std::thread thread_;
};

} // namespace ipc
