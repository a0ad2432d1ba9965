// SPDX-License-Identifier: MIT
// Making a set so that nobody finds it without its values. The kernel makes it with zeros, so until it has its values
// it has construction_mode, in which it is nobody's but this plugin's; and the time of its last operation is 0 until
// then, which is what other programs look at.
#include "sets.hpp"

#include <vector>

using namespace ipc;
using sysv::Name;

namespace {

using Values = std::vector<unsigned short>;

Error value_error(std::uint64_t value)
{
    return Error::of(EINVAL, "%llu is no value for it (from 0 to %d)", static_cast<unsigned long long>(value),
                     set_limits().semvmx);
}

Result<Values> plain_values(const ipc_address &address, std::uint64_t value)
{
    if (value > static_cast<std::uint64_t>(set_limits().semvmx))
        return value_error(value);
    const std::uint64_t size = number_parameter(address, "size", 1);
    const std::uint64_t index = number_parameter(address, "index", 0);
    if (index >= size)
        return Error::of(EINVAL, "there would be no index %llu in a set of %llu (write ?size=%llu)",
                         static_cast<unsigned long long>(index), static_cast<unsigned long long>(size),
                         static_cast<unsigned long long>(index + 1));
    return Values(size, static_cast<unsigned short>(value));
}

Result<Values> values_for(const ipc_address &address, std::uint32_t purpose, std::uint64_t value)
{
    const bool plain = parameter(address, "size") || parameter(address, "index");
    if (purpose == IPC_PURPOSE_COUNT || (purpose == IPC_PURPOSE_LOCK && plain))
        return plain_values(address, value);
    if (purpose > IPC_PURPOSE_MEET)
        return Error::of(ENOTSUP, "System V semaphores are not made for that");
    if (value == 0 || value > most_slots)
        return Error::of(EINVAL, "a set serves from 1 to %llu at once, not %llu",
                         static_cast<unsigned long long>(most_slots), static_cast<unsigned long long>(value));
    const auto number = static_cast<unsigned short>(value);
    if (purpose == IPC_PURPOSE_MEET)
        return Values{number, 1, number, barrier_mark};
    Values values(value + 2, 1);
    values.front() = number;
    values.back() = static_cast<unsigned short>(slot_mark - number);
    return values;
}

Error creation_refused(int code, const Name &name, std::size_t size)
{
    const seminfo limits = set_limits(), used = sets_in_use();
    if (code == EEXIST)
        return sysv::exists<Sets>(name);
    if (code == EINVAL)
        return Error::of(EINVAL, "kernel.sem allows %d semaphores in a set, %zu are needed (raise its first number)",
                         limits.semmsl, size);
    if (code == ENOSPC && used.semusz >= limits.semmni)
        return Error::of(ENOSPC,
                         "kernel.sem allows %d sets, all of which exist (remove some, or raise its last number)",
                         limits.semmni);
    if (code == ENOSPC)
        return Error::of(
            ENOSPC,
            "kernel.sem allows %d semaphores in all, %d exist and %zu more are needed (remove some sets, or "
            "raise its second number)",
            limits.semmns, used.semaem, size);
    return Error::system("creating it", code);
}

/// All values at once, then an operation that changes none in the end, since only those set the time of the last one.
/// Waiting for zero would do, but that is for who may read, and while it is made its own user may not.
Result<void> initialise(int id, Values &values)
{
    if (semctl(id, 0, SETALL, values.data()) != 0)
        return operation_error(errno, id, "setting its values");
    const Set set(id);
    const int code =
        values.front() ? set.try_now({{0, -1, IPC_NOWAIT}, {0, 1, 0}}) : set.try_now({{0, 1, IPC_NOWAIT}, {0, -1, 0}});
    return code ? operation_error(code, id, "setting its values") : Result<void>();
}

/// Also ends the construction.
Result<void> own(int id, const ipc_ownership &ownership)
{
    semid_ds record = {}; // which may not be read yet
    record.sem_perm.uid = geteuid();
    record.sem_perm.gid = getegid();
    IPC_TRY(sysv::set_ownership(record.sem_perm, ownership));
    if (semctl(id, 0, IPC_SET, &record) != 0)
        return Error::system("setting its owner and mode");
    return {};
}

bool is_under_construction(const semid_ds &record) { return (record.sem_perm.mode & 0777) == construction_mode; }

/// Long enough for whoever makes it to be done. Times are whole seconds.
bool is_old(const semid_ds &record)
{
    constexpr std::time_t patience = 2;
    return std::time(nullptr) - record.sem_ctime >= patience;
}

/// Whoever made it died before it was done: complete it or, without its values, take it away.
Result<void> rescue(int id, const semid_ds &record)
{
    const ipc_ownership ownership = {sizeof ownership, 0600, record.sem_perm.uid, record.sem_perm.gid};
    if (record.sem_otime != 0)
        return own(id, ownership);
    if (semctl(id, 0, IPC_RMID) != 0 && errno == EPERM)
        return Error::of(EPERM, "it was left half made by another user (its owner or root may remove it)");
    return Error::of(ENOENT, "there was only a half made set with this key, which was removed");
}

} // namespace

Result<int> create_set(const ipc_address &address, std::uint32_t purpose, std::uint64_t value,
                       const ipc_ownership &ownership)
{
    const Name name = IPC_TRY(sysv::parse(address));
    const key_t key = IPC_TRY(sysv::creation_key<Sets>(name));
    Values values = IPC_TRY(values_for(address, purpose, value));
    const int id = semget(key, static_cast<int>(values.size()), IPC_CREAT | IPC_EXCL | construction_mode);
    if (id < 0)
        return creation_refused(errno, name, values.size());
    sysv::Unfinished<Sets> unfinished(id);
    IPC_TRY(initialise(id, values));
    IPC_TRY(own(id, ownership));
    unfinished.finish();
    sysv::warn_of_file_key(name, key);
    return id;
}

Result<int> open_set(const ipc_address &address)
{
    const int id = IPC_TRY(sysv::find<Sets>(address, construction_mode));
    for (;;) {
        const semid_ds record = IPC_TRY(sysv::examine<Sets>(id));
        const bool unfinished = is_under_construction(record);
        if (!unfinished && (record.sem_otime != 0 || is_old(record)))
            return id;
        if (unfinished && is_old(record)) {
            IPC_TRY(rescue(id, record));
            return id;
        }
        const timespec pause = timespec_of(500'000);
        nanosleep(&pause, nullptr);
        if (wait_is_interrupted())
            return Error::of(EINTR, "interrupted before it had its values");
    }
}
