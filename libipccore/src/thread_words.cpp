// SPDX-License-Identifier: MIT
#include "thread_words.hpp"

#include "directory.hpp"
#include "error.hpp"
#include "thread_status.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace ipc {
namespace {

// Of Linux 5.14, 5.16 and 6.7, which older headers do not have.
constexpr std::uint64_t lock_pi2 = 13; // FUTEX_LOCK_PI2
constexpr std::int64_t call_futex_waitv = 449;
constexpr std::int64_t call_futex_wait = 455;
struct WaitedWord { // struct futex_waitv
    std::uint64_t value, address;
    std::uint32_t flags, reserved;
};
constexpr std::uint64_t most_waited_words = 128; // FUTEX_WAITV_MAX

constexpr int most_entries = 1024;

iovec part(void *memory, std::size_t length) { return {memory, length}; }

iovec part_of_other(std::uint64_t address, std::size_t length)
{
    return {reinterpret_cast<void *>(static_cast<std::uintptr_t>(address)),
            length}; // NOLINT(performance-no-int-to-ptr)
}

/// False with errno if not all of it can be read.
template <typename Value> bool read_memory(std::int64_t process, std::uint64_t address, Value &value)
{
    const iovec here = part(&value, sizeof value), there = part_of_other(address, sizeof value);
    return process_vm_readv(static_cast<pid_t>(process), &here, 1, &there, 1, 0) == static_cast<ssize_t>(sizeof value);
}

bool sleeps(std::uint64_t operation)
{
    switch (operation & static_cast<std::uint64_t>(FUTEX_CMD_MASK) & UINT32_MAX) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_LOCK_PI:
    case lock_pi2:
        return true;
    default:
        return false;
    }
}

std::vector<std::uint64_t> waited_words(std::int64_t process, std::uint64_t array, std::uint64_t count)
{
    std::vector<WaitedWord> waited(std::min(count, most_waited_words));
    const std::size_t bytes = waited.size() * sizeof(WaitedWord);
    const iovec here = part(waited.data(), bytes), there = part_of_other(array, bytes);
    std::vector<std::uint64_t> addresses;
    if (process_vm_readv(static_cast<pid_t>(process), &here, 1, &there, 1, 0) == static_cast<ssize_t>(bytes))
        for (const WaitedWord &word : waited)
            addresses.push_back(word.address);
    return addresses;
}

/// The lists of one process.
class RobustLists {
public:
    explicit RobustLists(std::int64_t process) : process_(process) {}

    Result<void> read(std::int64_t thread)
    {
        std::uint64_t head_address = 0;
        std::size_t length = 0;
        if (syscall(SYS_get_robust_list, thread, &head_address, &length) != 0)
            return refusal();
        Head head;
        if (head_address == 0)
            return {};
        if (!read_memory(process_, head_address, head))
            return refusal();
        if (head.pending)
            see(thread, head.pending, head.offset);
        for (std::uint64_t entry = head.next; (entry & ~pi_bit) != head_address && entries_ < most_entries; entries_++)
            if (!follow(thread, entry, head.offset))
                break;
        return {};
    }

    std::vector<LockedWord> words() && { return std::move(words_); }

private:
    struct Head { // struct robust_list_head
        std::uint64_t next, offset, pending;
    };
    static constexpr std::uint64_t pi_bit = 1; // of a pointer: the mutex hands on its owner's priority

    /// That it has ended is none.
    static Result<void> refusal()
    {
        if (errno == EPERM || errno == EACCES)
            return Error::system("its memory cannot be read");
        return {};
    }

    /// On to the next one; false if it leads nowhere.
    bool follow(std::int64_t thread, std::uint64_t &entry, std::uint64_t offset)
    {
        see(thread, entry, offset);
        return read_memory(process_, entry & ~pi_bit, entry);
    }

    void see(std::int64_t thread, std::uint64_t entry, std::uint64_t offset)
    {
        const std::uint64_t address = (entry & ~pi_bit) + offset;
        std::uint32_t word = 0;
        const auto is_same = [&](const LockedWord &known) {
            return known.thread == thread && known.address == address;
        };
        if (read_memory(process_, address, word) && is_thread(thread, word & FUTEX_TID_MASK) &&
            std::none_of(words_.begin(), words_.end(), is_same))
            words_.push_back({thread, address});
    }

    /// Words hold the number that the thread has where it runs.
    bool is_thread(std::int64_t thread, std::uint32_t number)
    {
        if (number == static_cast<std::uint64_t>(thread))
            return true;
        if (number == 0)
            return false;
        if (inner_of_ != thread)
            inner_ = innermost_number(process_, thread);
        inner_of_ = thread;
        return inner_ == number;
    }

    std::int64_t process_;
    int entries_ = 0;
    std::int64_t inner_of_ = 0;
    std::int64_t inner_ = 0; // of that thread
    std::vector<LockedWord> words_;
};

} // namespace

std::vector<std::uint64_t> sleeping_words(const ipc_sight &call)
{
    if ((call.number == SYS_futex && sleeps(call.arguments[1])) || call.number == call_futex_wait)
        return {call.arguments[0]};
    if (call.number == call_futex_waitv)
        return waited_words(call.process, call.arguments[0], call.arguments[1] & UINT32_MAX);
    return {};
}

Result<std::vector<LockedWord>> locked_words(std::int64_t process)
{
    const std::string path = fmt::format("/proc/{}/task", process);
    RobustLists lists(process);
    // Most processes have one thread, whose number is known.
    if (struct stat status; stat(path.c_str(), &status) == 0 && status.st_nlink == 3) {
        IPC_TRY(lists.read(process));
        return std::move(lists).words();
    }
    const Fd threads(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Result<void> result;
    if (threads)
        for_each_entry(threads.get(), [&](const char *thread) {
            if (result)
                result = lists.read(std::strtoll(thread, nullptr, 10));
        });
    IPC_TRY(std::move(result));
    return std::move(lists).words();
}

} // namespace ipc
