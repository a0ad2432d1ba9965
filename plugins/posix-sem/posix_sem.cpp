// SPDX-License-Identifier: MIT
// posix-sem: named POSIX semaphores, sem_overview(7). See semaphore_file.hpp and holders.hpp.
#include "posix_sem.hpp"

#include "holders.hpp"
#include "semaphore_file.hpp"

#include <ipc/semaphore.hpp>
#include <ipc/shm_directory.hpp>

#include <string>

using namespace ipc;

namespace {

/// How long a waiter sleeps before it looks whether a holder has died, and at what nobody wakes it for.
constexpr std::int64_t reclaim_interval = 50'000'000;
constexpr std::int64_t look_interval = 10'000'000;

constexpr const char *others_have_it = "others have it";
constexpr const char *strangers_have_it =
    "others have it, whether they have ended cannot be seen from this process namespace";

/// Sleep for nothing in particular; 0 or EINTR.
int look_again_later(const Deadline &deadline)
{
    const timespec pause = timespec_of(deadline.left_within(look_interval));
    return ::nanosleep(&pause, nullptr) != 0 && wait_is_interrupted() ? EINTR : 0;
}

class NamedSemaphore {
public:
    static constexpr std::uint32_t features = IPC_SEMAPHORE_COUNTS | IPC_SEMAPHORE_SLOTS;

    NamedSemaphore(SemaphoreFile file, const ipc_address &address) : file_(std::move(file)), name_(address.name) {}
    NamedSemaphore(const NamedSemaphore &) = delete;
    NamedSemaphore &operator=(const NamedSemaphore &) = delete;
    ~NamedSemaphore() { (void)unlock(); }

    static Result<std::unique_ptr<NamedSemaphore>> create(const ipc_address &address, std::uint32_t purpose,
                                                          std::uint64_t value, const ipc_ownership &ownership);
    static Result<std::unique_ptr<NamedSemaphore>> open(const ipc_address &address)
    {
        return std::make_unique<NamedSemaphore>(IPC_TRY(SemaphoreFile::open(address.name)), address);
    }

    Result<void> status(ipc_semaphore_status &status);
    Result<void> wait(std::uint64_t count, std::int64_t timeout);
    Result<void> post(std::uint64_t count);
    Result<void> wait_zero(std::int64_t timeout);
    Result<std::uint64_t> lock(std::uint64_t slots, bool shared, std::int64_t timeout);
    Result<void> unlock();
    Result<void> entrust(std::int64_t process);

private:
    Result<void> check_slots(std::uint64_t slots) const;
    Result<std::uint64_t> try_to_lock(const Deadline &deadline, const ProcessMark &process);
    template <typename Done, typename Sleep>
    Result<void> wait_until(std::int64_t timeout, const char *state, Done &&done, Sleep &&sleep) const;
    Result<void> check_name() const;

    SemaphoreFile file_;
    std::string name_;
    std::optional<Holders> holders_; ///< as long as it is locked
    std::uint64_t slot_ = 0;         ///< that this process has, from 1 on
    ProcessMark locker_;             ///< this process, as it is entered there
};

Result<std::unique_ptr<NamedSemaphore>> NamedSemaphore::create(const ipc_address &address, std::uint32_t purpose,
                                                               std::uint64_t value, const ipc_ownership &ownership)
{
    if (purpose != IPC_PURPOSE_COUNT && purpose != IPC_PURPOSE_LOCK)
        return Error::of(ENOTSUP, "a POSIX semaphore is no barrier (choose another mechanism)");
    const bool locks = purpose == IPC_PURPOSE_LOCK;
    if (locks ? value == 0 || value > most_slots : value > largest_value)
        return Error::of(EINVAL, "%llu is no value for it (from %d to %llu)", static_cast<unsigned long long>(value),
                         locks ? 1 : 0, static_cast<unsigned long long>(locks ? most_slots : largest_value));
    return std::make_unique<NamedSemaphore>(
        IPC_TRY(SemaphoreFile::create(address.name, value, locks ? value : 0, ownership)), address);
}

Result<void> NamedSemaphore::status(ipc_semaphore_status &status)
{
    const struct statx file = IPC_TRY(file_.status());
    status.features = features;
    status.value = file_.value();
    status.max_value = largest_value;
    status.waiters = file_.waiters();
    status.last_process = 0;
    status.identity = identity_of(file);
    status.name = nullptr;
    status.purpose = file_.slots() ? IPC_PURPOSE_LOCK : IPC_PURPOSE_COUNT;
    status.number = file_.slots();
    return {};
}

/// Call `done` until it is true, `sleep` in between. `state` is how it is meanwhile.
template <typename Done, typename Sleep>
Result<void> NamedSemaphore::wait_until(std::int64_t timeout, const char *state, Done &&done, Sleep &&sleep) const
{
    const Deadline deadline(timeout);
    while (!done()) {
        if (deadline.over())
            return vain_wait(deadline.code(), state);
        if (const int code = sleep(deadline))
            return vain_wait(code, state);
        IPC_TRY(check_name());
    }
    return {};
}

Result<void> NamedSemaphore::wait(std::uint64_t count, std::int64_t timeout)
{
    if (count == 0 || count > largest_value)
        return Error::of(EINVAL, "its value is never %llu (from 1 to %llu can be waited for)",
                         static_cast<unsigned long long>(count), static_cast<unsigned long long>(largest_value));
    // A post wakes one of those who sleep. Somebody for whom the value is too small still would take that from another
    // one, for whom it is enough: so who wants more than 1 does not sleep among them.
    return wait_until(
        timeout, "its value is too small", [&] { return file_.take(count); },
        [&](const Deadline &deadline) {
            return count > 1 ? look_again_later(deadline)
                             : file_.sleep_until_positive(deadline.left_within(reclaim_interval));
        });
}

Result<void> NamedSemaphore::post(std::uint64_t count)
{
    if (file_.give(count))
        return {};
    return Error::of(EOVERFLOW, "its value would exceed %llu, the most there can be (nothing was changed)",
                     static_cast<unsigned long long>(largest_value));
}

Result<void> NamedSemaphore::wait_zero(std::int64_t timeout)
{
    return wait_until(
        timeout, "its value is not 0", [&] { return file_.value() == 0; },
        look_again_later); // the C library wakes nobody for that
}

Result<void> NamedSemaphore::check_slots(std::uint64_t slots) const
{
    if (file_.slots() && slots && slots != file_.slots())
        return Error::of(EINVAL, "it was made for %llu slots, not %llu (give that number, or remove it first)",
                         static_cast<unsigned long long>(file_.slots()), static_cast<unsigned long long>(slots));
    if (!file_.slots() && slots > 1)
        return Error::of(EINVAL, "it was made without slots, and its value says how many have it at once (leave out "
                                 "--slots, or remove it first)");
    return {};
}

/// The slot, 0 if it is not free now.
Result<std::uint64_t> NamedSemaphore::try_to_lock(const Deadline &deadline, const ProcessMark &process)
{
    const HoldersLock guard = IPC_TRY(HoldersLock::lock(file_, deadline));
    holders_ = IPC_TRY(Holders::open(name_.c_str(), file_));
    IPC_TRY(holders_->settle(file_, file_.value() == 0));
    return holders_->take(file_, process);
}

/// What has been removed while it was waited for locks nobody out, and nobody finds it to raise it.
Result<void> NamedSemaphore::check_name() const
{
    if (IPC_TRY(file_.status()).stx_nlink)
        return {};
    return Error::of(EIDRM, "it was removed while it was waited for (create it again, or stop using it)");
}

Result<std::uint64_t> NamedSemaphore::lock(std::uint64_t slots, bool shared, std::int64_t timeout)
{
    if (shared)
        return Error::of(ENOTSUP, "a semaphore is not shared (use --slots)");
    IPC_TRY(check_slots(slots));
    const ProcessMark process = mark_of(::getpid());
    const Deadline deadline(timeout);
    for (;;) {
        const std::uint64_t slot = IPC_TRY(try_to_lock(deadline, process));
        if (slot) {
            slot_ = slot;
            locker_ = process;
            if (const Result<void> named = check_name(); !named) {
                (void)unlock();
                return named.error();
            }
            return file_.slots() ? slot : 0;
        }
        if (deadline.over())
            return vain_wait(deadline.code(), holders_->has_strangers() ? strangers_have_it : others_have_it);
        // All slots may be taken and the value be positive, if somebody has raised it.
        const int code = file_.value() ? look_again_later(deadline)
                                       : file_.sleep_until_positive(deadline.left_within(reclaim_interval));
        if (code)
            return vain_wait(code, others_have_it);
        IPC_TRY(check_name());
    }
}

Result<void> NamedSemaphore::unlock()
{
    if (!slot_)
        return {};
    const std::uint64_t slot = std::exchange(slot_, 0);
    if (IPC_TRY(file_.status()).stx_nlink == 0) { // removed: for those who wait for it still, to learn that
        (void)file_.give(1);
        return {};
    }
    constexpr std::int64_t patience = 10'000'000'000; // then this process ends, and the next one clears its place
    const HoldersLock guard = IPC_TRY(HoldersLock::lock(file_, Deadline(patience)));
    IPC_TRY(holders_->refresh());
    return holders_->give(file_, slot, locker_);
}

Result<void> NamedSemaphore::entrust(std::int64_t process)
{
    const HoldersLock guard = IPC_TRY(HoldersLock::lock(file_, Deadline(IPC_FOREVER)));
    IPC_TRY(holders_->refresh());
    return holders_->entrust(slot_, locker_, mark_of(process, locker_.space));
}

Result<void> check(const ipc_address &address) { return LeafName::check(address.name); }

Result<void> remove(const ipc_address &address, const Removal &removal)
{
    const Fd directory = IPC_TRY(open_shm_directory());
    IPC_TRY(remove_file(directory.get(), semaphore_leaf(address.name).text(), removal));
    if (!removal.trial)
        Holders::remove(directory.get(), address.name);
    return {};
}

constexpr ipc_semaphore_v1 semaphore = semaphore_table<NamedSemaphore>();

const void *capability(const char *name)
{
    const std::string_view wanted = name;
    if (wanted == IPC_SEMAPHORE_1)
        return &semaphore;
    return wanted == IPC_INSPECT_1 ? &posix_sem::inspect : nullptr;
}

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "posix-sem",
    .summary = "POSIX semaphores",
    .version = "1.0",
    .parameters = nullptr,
    .parameter_count = 0,
    .flags = 0,
    .init = keep_host,
    .capability = capability,
    .check = guard<check>,
    .remove = remove_always<remove>,
    .remove_unused = remove_unused<remove>,
};

} // namespace

IPC_PLUGIN(plugin)
