// SPDX-License-Identifier: MIT
// A named semaphore as the GNU C library keeps it, sem_overview(7): the file /dev/shm/sem.NAME, which holds a sem_t.
//
// It is opened here and not by sem_open(3), which hangs on a FIFO planted there; and it is lowered and waited for here,
// because sem_wait(3) takes at the moment in which it wakes up: who is killed right then has taken for ever.
#pragma once

#include <ipc/deadline.hpp>
#include <ipc/fd.hpp>
#include <ipc/file_object.hpp>
#include <ipc/posix_name.hpp>
#include <ipc/result.hpp>

#include <atomic>
#include <cstdint>
#include <semaphore.h>

#ifndef __GLIBC__
#error "sem_t of another C library is not known"
#endif

/// What the file holds: the library's own part of a sem_t (value in the low half, number of waiters in the high half of
/// the first word), and in what it leaves unused of it for how many slots the semaphore was made.
struct SemaphoreImage {
    std::uint64_t word;
    std::uint64_t library; ///< flags that the library keeps there
    char tag[8];           ///< slot_tag if the next member counts
    std::uint32_t slots;
    std::uint32_t reserved;
};
static_assert(sizeof(SemaphoreImage) == sizeof(sem_t));

inline constexpr char slot_tag[8] = {'i', 'p', 'c', 's', 'l', 'o', 't', 's'};
inline constexpr std::uint64_t largest_value = SEM_VALUE_MAX;
inline constexpr std::uint64_t most_slots = 65536;

/// "PREFIX" and the name, a file in the directory of POSIX shared memory.
class LeafName {
public:
    static ipc::Result<void> check(const char *name);
    LeafName(const char *prefix, const char *name);
    const char *text() const { return text_; }

private:
    char text_[NAME_MAX + 1];
};
inline LeafName semaphore_leaf(const char *name) { return {"sem.", name}; }
inline LeafName holders_leaf(const char *name) { return {"holders.", name}; }

/// Open, locked in and mapped. Waits answer 0 or an errno value: EAGAIN, ETIMEDOUT, EINTR.
class SemaphoreFile {
public:
    /// EEXIST if there is one. `slots` 0: it has none, and a value alone.
    static ipc::Result<SemaphoreFile> create(const char *name, std::uint64_t value, std::uint64_t slots,
                                             const ipc_ownership &ownership);
    static ipc::Result<SemaphoreFile> open(const char *name);
    SemaphoreFile(SemaphoreFile &&other) noexcept;
    SemaphoreFile &operator=(SemaphoreFile &&) = delete;
    ~SemaphoreFile();

    int descriptor() const { return file_.get(); }
    std::uint64_t slots() const { return slots_; } ///< as it was when it was opened
    ipc::Result<struct statx> status() const;
    const struct statx &status_when_opened() const { return opened_; }
    std::uint64_t value() const { return word().load() & UINT32_MAX; }
    std::uint64_t waiters() const { return word().load() >> 32; }

    /// Lower it by so many, all at once; false if it is not as large.
    bool take(std::uint64_t count);
    /// False if it would become too large.
    bool give(std::uint64_t count);
    /// Sleep until it is not 0, at most so many nanoseconds, and take nothing. 0, EINTR, or an errno value.
    int sleep_until_positive(std::int64_t nanoseconds);

private:
    SemaphoreFile(ipc::Fd file, const struct statx &status, SemaphoreImage *image);
    static ipc::Result<SemaphoreFile> map(ipc::Fd file);
    std::atomic_ref<std::uint64_t> word() const { return std::atomic_ref(image_->word); }
    std::uint32_t *futex() const;

    ipc::Fd file_;
    struct statx opened_;
    SemaphoreImage *image_;
    std::uint64_t slots_;
};
