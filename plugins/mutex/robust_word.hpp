// SPDX-License-Identifier: MIT
// The word of a robust mutex: the thread that has it locked, which the kernel looks up when a thread ends.
//
// It is locked as the C library's pthread_mutex_lock(3) does it, so that both work on the same mutex, and without that
// function for a reason: the library keeps the list of a thread's robust mutexes inside them, where whoever may write
// the segment could lead its pointers anywhere. Here the list is in memory of this process, and of the segment nothing
// is read or written but the word.
#pragma once

#include <ipc/deadline.hpp>

#include <linux/futex.h>

#include <cstdint>
#include <functional>

/// So far before a word lies the node that stands for it in the list of the kernel: a private page before the mapping.
std::size_t robust_distance();

class RobustWord {
public:
    RobustWord() = default;
    /// `word` is mapped shared, and robust_distance() before it there is memory of this process alone, zero.
    explicit RobustWord(std::uint32_t *word);
    RobustWord(RobustWord &&other) noexcept;
    RobustWord &operator=(RobustWord &&) = delete;
    ~RobustWord();

    /// 0, or EOWNERDEAD if the last owner died: both have it locked. EAGAIN, ETIMEDOUT, EINTR. Free it takes no system
    /// call. `loss` is asked once a second while it waits; what it answers, unless it is 0, ends the wait.
    int lock(const ipc::Deadline &deadline, const std::function<int()> &loss);
    /// False if the word is not this thread's any more: somebody has overwritten it.
    bool unlock();
    /// Does the thread that made this have it locked? For its child too.
    bool is_ours() const { return owner() == thread_; }
    /// The thread that has it locked, as it says; 0 if none.
    std::uint32_t owner() const;

private:
    int acquire(const ipc::Deadline &deadline, const std::function<int()> &loss);
    robust_list *node() const;

    std::uint32_t *word_ = nullptr;
    std::uint32_t thread_ = 0;
};
