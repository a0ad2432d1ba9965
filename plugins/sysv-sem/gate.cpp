// SPDX-License-Identifier: MIT
// sysv-sem: sets of System V semaphores. What a process takes with SEM_UNDO the kernel gives back when it ends, and it
// stays taken when the process becomes another program.
#include "sets.hpp"

#include <ipc/semaphore.hpp>

#include <algorithm>
#include <vector>

using namespace ipc;

namespace {

int run_operations(int id, std::initializer_list<sembuf> operations, const timespec *timeout)
{
    std::vector<sembuf> list(operations);
    return semtimedop(id, list.data(), list.size(), timeout) == 0 ? 0 : errno;
}

} // namespace

int Set::try_now(std::initializer_list<sembuf> operations) const
{
    constexpr timespec none = {};
    int code;
    do
        code = run_operations(id_, operations, &none);
    while (code == EINTR && !wait_is_interrupted());
    return code;
}

int Set::run(std::initializer_list<sembuf> operations, const Deadline &deadline) const
{
    for (;;) {
        const std::optional<std::int64_t> left = deadline.left();
        const timespec timeout = timespec_of(left.value_or(0));
        const int code = run_operations(id_, operations, left ? &timeout : nullptr);
        if (code == EAGAIN)
            return deadline.code();
        if (code != EINTR || wait_is_interrupted())
            return code;
    }
}

Layout Set::layout(std::uint64_t semaphores) const
{
    const int last = semaphores >= 3 ? value(static_cast<unsigned short>(semaphores - 1)) : -1;
    if (semaphores == 4 && last == barrier_mark)
        return {Form::barrier, static_cast<std::uint64_t>(value(2))};
    if (semaphores <= most_slots + 2 && last == slot_mark - static_cast<int>(semaphores - 2))
        return {Form::slots, semaphores - 2};
    return {};
}

Error set_is_gone() { return Error::of(EIDRM, "the set was removed (create it again, or stop using it)"); }

Error operation_error(int code, int id, const char *what)
{
    switch (code) {
    case EAGAIN:
    case ETIMEDOUT:
    case EINTR:
        return vain_wait(code, "others have it");
    case EACCES:
        return sysv::denied<Sets>(EACCES, what, id);
    case EIDRM:
    case EINVAL: // nothing else that the kernel is given can be wrong
        return set_is_gone();
    case ERANGE:
        return Error::of(EOVERFLOW, "its value would exceed %d, the most there can be (nothing was changed)",
                         set_limits().semvmx);
    case ENOSPC:
        return Error::of(ENOSPC, "the kernel has no room to undo more (kernel.sem)");
    default:
        return Error::system(what, code);
    }
}

namespace {

constexpr const char *contradiction =
    "its first semaphore lets nobody in, though a slot is free: semwait or another program has lowered it (if nobody "
    "uses it, let one in with sempost, or remove it with semrm --force)";

class Gate {
public:
    static constexpr std::uint32_t features =
        IPC_SEMAPHORE_COUNTS | IPC_SEMAPHORE_SLOTS | IPC_SEMAPHORE_RELEASED | IPC_SEMAPHORE_INHERITED;

    Gate(int id, const ipc_address &address)
        : set_(id), index_(static_cast<unsigned short>(number_parameter(address, "index", 0))),
          chosen_(parameter(address, "index"))
    {
    }
    Gate(const Gate &) = delete;
    Gate &operator=(const Gate &) = delete;
    ~Gate()
    {
        if (locked_)
            (void)unlock();
    }

    static Result<std::unique_ptr<Gate>> create(const ipc_address &address, std::uint32_t purpose, std::uint64_t value,
                                                const ipc_ownership &ownership)
    {
        return std::make_unique<Gate>(IPC_TRY(create_set(address, purpose, value, ownership)), address);
    }
    static Result<std::unique_ptr<Gate>> open(const ipc_address &address)
    {
        auto gate = std::make_unique<Gate>(IPC_TRY(open_set(address)), address);
        const std::uint64_t size = IPC_TRY(gate->size()), wanted = number_parameter(address, "size", 0);
        if (wanted > size)
            return Error::of(EINVAL,
                             "the set has %llu semaphores, fewer than the %llu wanted (remove it, or leave ?size "
                             "out)",
                             static_cast<unsigned long long>(size), static_cast<unsigned long long>(wanted));
        return gate;
    }

    Result<void> status(ipc_semaphore_status &status);
    Result<void> wait(std::uint64_t count, std::int64_t timeout);
    Result<void> post(std::uint64_t count);
    Result<void> wait_zero(std::int64_t timeout);
    Result<std::uint64_t> lock(std::uint64_t slots, bool shared, std::int64_t timeout);
    Result<void> unlock();
    Result<void> entrust(std::int64_t process);
    Result<void> meet(std::uint64_t parties, std::int64_t timeout);

private:
    Result<std::uint64_t> size() const;
    Result<void> end(int code, const char *what) const;
    Result<void> end_wait(int code, const char *state) const;
    Result<std::uint64_t> take_slot(std::uint64_t slots, const Deadline &deadline);
    bool is_contradictory(std::uint64_t slots) const;
    int pass(std::uint64_t slots, const Deadline &deadline) const;
    Result<std::uint64_t> find_slot(std::uint64_t slots, const Deadline &deadline) const;

    Set set_;
    unsigned short index_;
    bool chosen_; ///< one semaphore of the set is meant, and not the set
    bool locked_ = false;
    std::uint64_t slot_ = 0;
    sysv::KeylessName own_name_;
};

/// How many semaphores it has; an error if the chosen one is not among them.
Result<std::uint64_t> Gate::size() const
{
    const semid_ds record = IPC_TRY(sysv::examine<Sets>(set_.id()));
    if (index_ >= record.sem_nsems)
        return Error::of(ENOENT, "there is no index %u in the set (its last one is %lu)", index_,
                         static_cast<unsigned long>(record.sem_nsems) - 1);
    return record.sem_nsems;
}

Result<void> Gate::end(int code, const char *what) const
{
    if (code)
        return operation_error(code, set_.id(), what);
    return {};
}

Result<void> Gate::end_wait(int code, const char *state) const
{
    if (code == EAGAIN || code == ETIMEDOUT)
        return vain_wait(code, state);
    return end(code, "waiting for it");
}

Result<void> Gate::status(ipc_semaphore_status &status)
{
    const semid_ds record = IPC_TRY(sysv::examine<Sets>(set_.id()));
    const int value = set_.value(index_);
    const int waiters = semctl(set_.id(), index_, GETNCNT), for_zero = semctl(set_.id(), index_, GETZCNT);
    const int last = semctl(set_.id(), index_, GETPID);
    status.features = features;
    status.value = value < 0 ? IPC_UNKNOWN : static_cast<std::uint64_t>(value);
    status.max_value = static_cast<std::uint64_t>(set_limits().semvmx);
    status.waiters = waiters < 0 || for_zero < 0 ? IPC_UNKNOWN : static_cast<std::uint64_t>(waiters + for_zero);
    status.last_process = last > 0 ? last : 0;
    status.identity = sysv::identity<Sets>(set_.id(), record);
    status.name = own_name_.of(record.sem_perm.__key, set_.id());
    const Layout layout = chosen_ ? Layout{} : set_.layout(record.sem_nsems);
    status.purpose = layout.form == Form::barrier ? IPC_PURPOSE_MEET
                     : layout.form == Form::slots ? IPC_PURPOSE_LOCK
                                                  : IPC_PURPOSE_COUNT;
    status.number = layout.number;
    return {};
}

Result<void> Gate::wait(std::uint64_t count, std::int64_t timeout)
{
    if (count == 0 || count > static_cast<std::uint64_t>(set_limits().semvmx))
        return Error::of(EINVAL, "its value is never %llu (from 1 to %d can be waited for)",
                         static_cast<unsigned long long>(count), set_limits().semvmx);
    return end_wait(set_.run({{index_, static_cast<short>(-static_cast<int>(count)), 0}}, Deadline(timeout)),
                    "its value is too small");
}

Result<void> Gate::post(std::uint64_t count)
{
    if (count == 0 || count > static_cast<std::uint64_t>(set_limits().semvmx))
        return end(ERANGE, "");
    return end(set_.try_now({{index_, static_cast<short>(count), 0}}), "raising it");
}

Result<void> Gate::wait_zero(std::int64_t timeout)
{
    return end_wait(set_.run({{index_, 0, 0}}, Deadline(timeout)), "its value is not 0");
}

Result<std::uint64_t> Gate::lock(std::uint64_t slots, bool shared, std::int64_t timeout)
{
    if (shared)
        return Error::of(ENOTSUP, "a semaphore is not shared (use --slots)");
    const Layout layout = chosen_ ? Layout{} : set_.layout(IPC_TRY(size()));
    if (layout.form == Form::barrier)
        return Error::of(EINVAL, "it is a barrier for %llu (use --barrier, or another name)",
                         static_cast<unsigned long long>(layout.number));
    if (layout.form == Form::slots && slots && slots != layout.number)
        return Error::of(EINVAL, "it was made for %llu slots, not %llu (give that number, or remove it first)",
                         static_cast<unsigned long long>(layout.number), static_cast<unsigned long long>(slots));
    if (layout.form == Form::plain && slots > 1)
        return Error::of(EINVAL, "it was made without slots, and its value says how many have it at once (leave out "
                                 "--slots, or remove it first)");
    const Deadline deadline(timeout);
    if (layout.form == Form::slots)
        return take_slot(layout.number, deadline);
    IPC_TRY(end(set_.run({{index_, -1, SEM_UNDO}}, deadline), "locking it"));
    locked_ = true;
    return std::uint64_t(0);
}

Result<std::uint64_t> Gate::take_slot(std::uint64_t slots, const Deadline &deadline)
{
    const int code = pass(slots, deadline);
    if ((code == EAGAIN || code == ETIMEDOUT) && is_contradictory(slots))
        return Error::of(code, "%s", contradiction);
    IPC_TRY(end(code, "locking it"));
    locked_ = true;
    slot_ = slots == 1 ? 1 : IPC_TRY(find_slot(slots, deadline));
    return slot_;
}

/// The gate says that all slots are taken, and one is not. So it is when somebody has waited at the gate alone, with
/// semwait, or looks for one of several slots at this moment; and for ever if another program has set the gate, since
/// the kernel then forgets what it gives back when the holder dies.
bool Gate::is_contradictory(std::uint64_t slots) const
{
    std::vector<unsigned short> values(slots + 2, 0);
    return semctl(set_.id(), 0, GETALL, values.data()) == 0 && values.front() == 0 &&
           std::any_of(values.begin() + 1, values.begin() + 1 + static_cast<std::ptrdiff_t>(slots),
                       [](unsigned short value) { return value > 0; });
}

/// 0 once this process is through the gate, else why not.
int Gate::pass(std::uint64_t slots, const Deadline &deadline) const
{
    constexpr std::int64_t second = 1'000'000'000;
    const auto take = [&](const Deadline &until) {
        return slots == 1 ? set_.run({{0, -1, SEM_UNDO}, {1, -1, SEM_UNDO}}, until)
                          : set_.run({{0, -1, SEM_UNDO}}, until);
    };
    const std::int64_t first = deadline.left_within(second);
    const int code = take(Deadline(first));
    if ((code != EAGAIN && code != ETIMEDOUT) || deadline.over())
        return code;
    if (is_contradictory(slots))
        host->notice(contradiction);
    return take(deadline);
}

/// Through the gate: one of the slots is free, though others that came through may take it first, and another one then.
/// None is if somebody has raised the gate, which lets nobody in.
Result<std::uint64_t> Gate::find_slot(std::uint64_t slots, const Deadline &deadline) const
{
    constexpr std::int64_t least = 100'000'000, step = 1'000'000;
    const std::optional<std::int64_t> left = deadline.left();
    const Deadline searched(left ? std::max(*left, least) : IPC_FOREVER);
    std::vector<unsigned short> values(slots + 2, 1);
    for (;;) {
        if (semctl(set_.id(), 0, GETALL, values.data()) != 0 && errno != EACCES)
            return operation_error(errno, set_.id(), "reading it");
        for (std::uint64_t slot = 1; slot <= slots; slot++) {
            const int code =
                values[slot] ? set_.try_now({{static_cast<unsigned short>(slot), -1, IPC_NOWAIT | SEM_UNDO}}) : EAGAIN;
            if (code == 0)
                return slot;
            if (code != EAGAIN)
                return operation_error(code, set_.id(), "locking it");
        }
        if (wait_is_interrupted())
            return operation_error(EINTR, set_.id(), "");
        if (searched.over())
            return operation_error(deadline.code(), set_.id(), "");
        const timespec pause = timespec_of(step);
        ::nanosleep(&pause, nullptr);
    }
}

Result<void> Gate::unlock()
{
    if (!locked_)
        return {};
    locked_ = false;
    const auto slot = static_cast<unsigned short>(slot_);
    const int code =
        slot ? set_.try_now({{0, 1, SEM_UNDO}, {slot, 1, SEM_UNDO}}) : set_.try_now({{index_, 1, SEM_UNDO}});
    if (code == EIDRM || code == EINVAL) // removed, and so nobody's
        return {};
    return end(code, "unlocking it");
}

/// The kernel's undo list, which the host shares, is the lock. This makes the command the last one that changed it,
/// which is how the kernel says who has it. Nothing depends on it.
Result<void> Gate::entrust(std::int64_t)
{
    const auto semaphore = slot_ ? static_cast<unsigned short>(slot_) : index_;
    (void)set_.try_now({{semaphore, 1, IPC_NOWAIT}, {semaphore, -1, IPC_NOWAIT}});
    return {};
}

Result<void> Gate::meet(std::uint64_t parties, std::int64_t timeout)
{
    const Layout layout = set_.layout(IPC_TRY(size()));
    if (layout.form != Form::barrier)
        return Error::of(EINVAL, "it was made for something else than a barrier (use another name)");
    if (layout.number != parties)
        return Error::of(EINVAL, "it is a barrier for %llu, not for %llu (give that number, or remove it first)",
                         static_cast<unsigned long long>(layout.number), static_cast<unsigned long long>(parties));
    return meet_at(set_, parties, timeout);
}

Result<void> check_number(const ipc_address &address, const char *key, long long least)
{
    const char *value = parameter(address, key);
    const std::optional<long long> number = value ? whole_number(value) : std::nullopt;
    if (value && (!number || *number < least || *number > UINT16_MAX))
        return Error::of(EINVAL, "%s is a number from %lld to %d (write ?%s=%lld)", key, least, UINT16_MAX, key, least);
    return {};
}

Result<void> check(const ipc_address &address)
{
    IPC_TRY(check_number(address, "index", 0));
    IPC_TRY(check_number(address, "size", 1));
    return sysv::check_name(address);
}

constexpr ipc_semaphore_v1 semaphore = semaphore_table<Gate>();

const void *capability(const char *name)
{
    const std::string_view wanted = name;
    if (wanted == IPC_SEMAPHORE_1)
        return &semaphore;
    return wanted == IPC_INSPECT_1 ? &set_inspection : nullptr;
}

constexpr ipc_parameter_info parameters[] = {
    {"index", "N", "the semaphore of the set that is meant, 0 is the first"},
    {"size", "N", "make a set of so many semaphores"},
};

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "sysv-sem",
    .summary = "System V semaphores",
    .version = "1.0",
    .parameters = parameters,
    .parameter_count = std::size(parameters),
    .flags = 0,
    .init = keep_host,
    .capability = capability,
    .check = guard<check>,
    .remove = guard<sysv::remove<Sets>>,
    .remove_unused = nullptr,
};

} // namespace

IPC_PLUGIN(plugin)
