// SPDX-License-Identifier: MIT
#include "sets.hpp"

#include <ipc/process_end.hpp>
#include <ipc/process_mark.hpp>

#include <sys/syscall.h>

#include <memory>
#include <vector>

namespace {

using namespace ipc;

/// Who waits at any of the set's semaphores; IPC_UNKNOWN where this user may not read them.
std::uint64_t count_waiters(int id, std::uint64_t semaphores)
{
    std::uint64_t waiters = 0;
    for (int index = 0; static_cast<std::uint64_t>(index) < semaphores; index++) {
        const int for_more = semctl(id, index, GETNCNT), for_zero = semctl(id, index, GETZCNT);
        if (for_more < 0 || for_zero < 0)
            return IPC_UNKNOWN;
        waiters += static_cast<std::uint64_t>(for_more) + static_cast<std::uint64_t>(for_zero);
    }
    return waiters;
}

/// Who used the set last: somebody who lives, if any does. 0 if nobody ever did. IPC_UNKNOWN if it was somebody who is
/// not visible from here, or this user may not ask.
std::uint64_t last_user(int id, const semid_ds &record)
{
    constexpr std::uint64_t first_process_namespace = 0xEFFFFFFC; // PROC_PID_INIT_INO, where everybody is visible
    const bool may_be_unseen = record.sem_otime != 0 && process_space() != first_process_namespace;
    bool unseen = false;
    std::uint64_t found = 0;
    for (int index = 0; static_cast<std::uint64_t>(index) < record.sem_nsems; index++) {
        const int process = semctl(id, index, GETPID);
        if (process < 0)
            return IPC_UNKNOWN;
        // Nobody's semaphore is 0 from its birth on.
        if (process == 0)
            unseen |= may_be_unseen || semctl(id, index, GETVAL) != 0;
        else if (!has_ended(process))
            return static_cast<std::uint64_t>(process);
        else if (found == 0)
            found = static_cast<std::uint64_t>(process);
    }
    return unseen ? IPC_UNKNOWN : found;
}

/// A set with its name and detail, which the object points to. Its value is that of its first semaphore.
class Portrait {
public:
    Portrait(int id, const semid_ds &record) : name_(record.sem_perm.__key, id)
    {
        ipc_object_clear(&object);
        const struct ipc_perm &permissions = record.sem_perm;
        object.name = name_.text();
        object.identity = sysv::identity<Sets>(id, record);
        object.key = static_cast<std::uint32_t>(permissions.__key);
        object.mode = permissions.mode & 0777;
        object.owner = permissions.uid;
        object.group = permissions.gid;
        object.changed = sysv::nanoseconds(record.sem_ctime);
        object.last_out_time = sysv::nanoseconds(record.sem_otime);
        object.flags |= IPC_OBJECT_USERS;
        object.last_out = last_user(id, record);
        if (object.last_out == IPC_UNKNOWN)
            object.flags |= IPC_OBJECT_UNSEEN;
        learn_values(id, record.sem_nsems);
    }
    Portrait(const Portrait &) = delete;
    Portrait &operator=(const Portrait &) = delete;

    ipc_object object;

private:
    void learn_values(int id, std::uint64_t semaphores)
    {
        const int value = semctl(id, 0, GETVAL);
        object.flags |= value < 0 ? IPC_OBJECT_DENIED : 0;
        object.value = value < 0 ? IPC_UNKNOWN : static_cast<std::uint64_t>(value);
        object.waiters = value < 0 ? IPC_UNKNOWN : count_waiters(id, semaphores);
        describe(id, semaphores);
    }

    void describe(int id, std::uint64_t semaphores)
    {
        const Layout layout = Set(id).layout(semaphores);
        const auto number = static_cast<unsigned long long>(layout.form == Form::plain ? semaphores : layout.number);
        const char *format = layout.form == Form::slots     ? "%llu slots"
                             : layout.form == Form::barrier ? "barrier for %llu"
                                                            : "%llu semaphores";
        std::snprintf(detail_, sizeof detail_, format, number); // NOLINT(clang-diagnostic-format-nonliteral)
        if (number > 1 || layout.form == Form::barrier)
            object.detail = detail_;
        if (layout.form == Form::slots && object.value < layout.number)
            object.attached = layout.number - object.value; // have it locked, though the kernel does not say who
    }

    sysv::PrintedName name_;
    char detail_[48];
};

/// /proc/sysvipc/sem, for kernels before 4.17.
Result<void> list_text(const Emit<ipc_object> &emit)
{
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen("/proc/sysvipc/sem", "re"), std::fclose);
    if (!file)
        return Error::system("reading /proc/sysvipc/sem");
    char text[512];
    while (std::fgets(text, sizeof text, file.get())) {
        semid_ds record = {};
        int id;
        unsigned mode;
        const int read = std::sscanf(text, "%d %d %o %lu %u %u %*u %*u %ld %ld", &record.sem_perm.__key, &id, &mode,
                                     &record.sem_nsems, &record.sem_perm.uid, &record.sem_perm.gid, &record.sem_otime,
                                     &record.sem_ctime);
        if (read != 8)
            continue; // the heading
        record.sem_perm.mode = static_cast<decltype(record.sem_perm.mode)>(mode);
        if (!emit(Portrait(id, record).object))
            return {};
    }
    if (std::ferror(file.get()))
        return Error::system("reading /proc/sysvipc/sem");
    return {};
}

/// Call `take(id, record)` for each until it is false. `any` becomes whether there was one.
template <typename Take> Result<void> each_set(bool &any, Take &&take)
{
    any = false;
    seminfo info = {};
    const int last = semctl(0, 0, SEM_INFO, &info); // answers with the highest index in use
    Result<void> whole = last < 0 ? Error::system("asking for their number") : Result<void>();
    for (int index = 0; index <= last; index++) {
        semid_ds record;
        const int id = semctl(index, 0, SEM_STAT_ANY, &record);
        if (id < 0 && whole)
            whole = sysv::expect_unused(errno);
        if (id < 0)
            continue;
        any = true;
        if (!take(id, record))
            break;
    }
    return whole;
}

/// Who has a set's slots. Of other sets the kernel knows who changed them last, which need not be who has them.
bool emit_lockers(int id, const semid_ds &record, const Emit<ipc_party> &emit)
{
    const Layout layout = Set(id).layout(record.sem_nsems);
    if (layout.form != Form::slots)
        return true;
    std::vector<unsigned short> values(record.sem_nsems, 1);
    if (semctl(id, 0, GETALL, values.data()) != 0)
        return true;
    ipc_party party;
    ipc_party_clear(&party);
    party.role = IPC_ROLE_HAS_LOCKED;
    party.flags = IPC_PARTY_CERTAIN; // the kernel gives back what a process has when it dies
    party.identity = sysv::identity<Sets>(id, record);
    party.since = layout.number == 1 ? sysv::nanoseconds(record.sem_otime) : IPC_NO_TIME;
    for (std::uint64_t slot = 1; slot <= layout.number; slot++) {
        if (values[slot] != 0)
            continue;
        const int process = semctl(id, static_cast<int>(slot), GETPID);
        party.process = process;
        if (process > 0 && !emit(party))
            return false;
    }
    return true;
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_CALLS;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        bool any;
        const Result<void> whole =
            each_set(any, [&](int id, const semid_ds &record) { return emit(Portrait(id, record).object); });
        if (!any)
            IPC_TRY(list_text(emit));
        return whole;
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        const int id = IPC_TRY(sysv::find<Sets>(address));
        const semid_ds record = IPC_TRY(sysv::examine<Sets>(id));
        emit(Portrait(id, record).object);
        return {};
    }

    /// A set is in no process's maps or descriptors: only who waits at it can be seen.
    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        if (sight.kind != IPC_SIGHT_CALL || (sight.number != SYS_semtimedop && sight.number != SYS_semop) ||
            sight.ipc_namespace != sysv::own_namespace())
            return false;
        claim.role = IPC_ROLE_WAITS_TO_LOCK;
        claim.identity = {.space = sight.ipc_namespace,
                          .device = 0,
                          .number = static_cast<std::uint32_t>(sight.arguments[0]), // an int, in a register
                          .birth = IPC_NO_TIME};
        claim.descriptor = -1;
        return true;
    }

    static Result<void> parties(const Emit<ipc_party> &emit)
    {
        bool any;
        return each_set(any, [&](int id, const semid_ds &record) { return emit_lockers(id, record, emit); });
    }

    static Result<void> limits(const Emit<ipc_limit> &emit)
    {
        const seminfo limits = set_limits(), used = sets_in_use();
        const auto number = [](int limit) { return static_cast<std::uint64_t>(limit); };
        const auto object = [&](const char *meaning, int limit, std::uint64_t in_use) {
            return emit({sizeof(ipc_limit), IPC_UNIT_OBJECTS, "kernel.sem", meaning, number(limit), in_use});
        };
        object("sets of semaphores", limits.semmni, number(used.semusz)) &&
            object("semaphores in all sets", limits.semmns, number(used.semaem)) &&
            object("semaphores in one set", limits.semmsl, IPC_UNKNOWN);
        return {};
    }
};

} // namespace

constexpr ipc_inspect_v1 set_inspection = ipc::inspect_table<Inspection>();
