// SPDX-License-Identifier: MIT
#include "lock.hpp"

#include "shared_word.hpp"

#include <ipc/futex.hpp>

#include <cerrno>

namespace boost_mq {

using ipc::SharedMutex;

namespace {

bool is_robust(const SharedMutex &mutex) { return load(mutex.kind) & SharedMutex::robust; }

/// A thread that does not exist here; not one that cannot be known.
bool has_lost_holder(const SharedMutex &mutex, bool robust, std::uint32_t word)
{
    const std::uint32_t thread = robust ? word & FUTEX_TID_MASK : std::uint32_t(load(mutex.owner));
    return std::int32_t(thread) > 0 && !ipc::thread_exists(std::int32_t(thread));
}

} // namespace

Lock::Lock() : thread_(std::uint32_t(::gettid()))
{
    std::size_t length;
    if (::syscall(SYS_get_robust_list, 0, &list_, &length) != 0 || length != sizeof *list_)
        list_ = nullptr;
}

int Lock::examine(const SharedMutex &mutex)
{
    constexpr std::uint32_t known = SharedMutex::robust | SharedMutex::shared;
    const std::uint32_t kind = load(mutex.kind) & 0xff; // above are hints
    if (kind != SharedMutex::shared && kind != known)
        return EINVAL;
    if (kind != known)
        return 0;
    const bool died = load(mutex.word) & FUTEX_OWNER_DIED;
    const bool unusable = load(mutex.owner) == SharedMutex::not_recoverable;
    return died || unusable ? EOWNERDEAD : 0;
}

/// Tell the system which mutex this thread may hold; NULL is none.
void Lock::announce(SharedMutex *mutex)
{
    if (!list_)
        return;
    auto *entry = mutex ? reinterpret_cast<char *>(&mutex->word) - list_->futex_offset : nullptr;
    list_->list_op_pending = reinterpret_cast<robust_list *>(entry);
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

int Lock::take(SharedMutex &mutex, const ipc::Deadline &deadline)
{
    if (const int code = examine(mutex))
        return code;
    const bool robust = is_robust(mutex);
    if (robust)
        announce(&mutex);
    const int code = spin(mutex, robust ? thread_ : 1) ? 0 : contend(mutex, robust, deadline);
    if (code) {
        announce(nullptr);
        return code;
    }
    if (robust && load(mutex.owner) == SharedMutex::not_recoverable) {
        release(mutex, robust);
        return EOWNERDEAD;
    }
    is_held_ = true;
    store(mutex.owner, std::int32_t(thread_));
    return 0;
}

/// Others hold it for less time than going to sleep takes. They come on faster if it is not looked at all the time.
bool Lock::spin(SharedMutex &mutex, std::uint32_t wanted)
{
    constexpr int longest = 64;
    for (int turns = 1; turns <= longest; turns *= 2) {
        std::uint32_t free = 0;
        if (load(mutex.word) == 0 &&
            shared(mutex.word).compare_exchange_strong(free, wanted, std::memory_order_acquire))
            return true;
        for (int turn = 0; turn < turns; turn++)
            ipc::pause_processor();
    }
    return false;
}

int Lock::contend(SharedMutex &mutex, bool robust, const ipc::Deadline &deadline)
{
    constexpr std::int64_t slice = 100'000'000;
    constexpr int slices_until_lost = 10;
    int lost = 0; // slices in which the holder did not exist
    for (;;) {
        std::uint32_t word = load(mutex.word);
        if (robust && word & FUTEX_OWNER_DIED)
            return EOWNERDEAD;
        // Whoever waits cannot know whether others do too, and so wakes one in the end.
        if (word == 0 &&
            shared(mutex.word)
                .compare_exchange_strong(word, robust ? thread_ | FUTEX_WAITERS : 2, std::memory_order_acquire))
            return 0;
        const std::int64_t time = deadline.left_within(slice);
        if (time == 0)
            return word && has_lost_holder(mutex, robust, word) ? EOWNERDEAD : ETIMEDOUT;
        const std::uint32_t waited = robust ? word | FUTEX_WAITERS : 2;
        if (word == 0 || (word != waited && !shared(mutex.word).compare_exchange_strong(word, waited)))
            continue;
        if (ipc::futex_sleep(&mutex.word, waited, time) == EINTR)
            return EINTR;
        lost = load(mutex.word) == waited && has_lost_holder(mutex, robust, waited) ? lost + 1 : 0;
        if (lost == slices_until_lost)
            return EOWNERDEAD;
    }
}

void Lock::give_back(SharedMutex &mutex)
{
    store(mutex.owner, 0);
    release(mutex, is_robust(mutex));
}

void Lock::release(SharedMutex &mutex, bool robust)
{
    const std::uint32_t word = shared(mutex.word).exchange(0, std::memory_order_release);
    if (robust ? word & FUTEX_WAITERS : word > 1)
        ipc::futex_wake(&mutex.word, 1);
    announce(nullptr);
    is_held_ = false;
}

} // namespace boost_mq
