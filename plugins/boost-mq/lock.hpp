// SPDX-License-Identifier: MIT
// The lock of a queue, taken as the C library takes it but trusting nothing that lies beside it: the library follows
// pointers that it keeps in the mutex, which every program that has the queue can set, and waits without limit.
//
// A robust mutex that this process holds when it dies is found by the system through the list that the C library has
// registered for the thread; there it stands as the operation that is under way, which needs no pointer in the mutex.
#pragma once

#include <ipc/deadline.hpp>
#include <ipc/shared_mutex.hpp>

#include <cstdint>

struct robust_list_head;

namespace boost_mq {

/// Used by the thread that made it.
class Lock {
public:
    Lock();

    /// 0; EOWNERDEAD if nobody will ever give it back; EINVAL if it is of a kind that Boost does not make; ETIMEDOUT;
    /// EINTR if the user asked to stop. Owns nothing meanwhile.
    int take(ipc::SharedMutex &mutex, const ipc::Deadline &deadline);
    void give_back(ipc::SharedMutex &mutex);
    bool is_held() const { return is_held_; }

    /// The same without waiting or taking it: 0, EOWNERDEAD or EINVAL. What is held by a thread that does not exist
    /// here takes take() to find out.
    static int examine(const ipc::SharedMutex &mutex);

private:
    static bool spin(ipc::SharedMutex &mutex, std::uint32_t wanted);
    int contend(ipc::SharedMutex &mutex, bool robust, const ipc::Deadline &deadline);
    void release(ipc::SharedMutex &mutex, bool robust);
    void announce(ipc::SharedMutex *mutex);

    robust_list_head *list_ = nullptr;
    std::uint32_t thread_;
    bool is_held_ = false;
};

} // namespace boost_mq
