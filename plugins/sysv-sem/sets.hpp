// SPDX-License-Identifier: MIT
// The kernel's System V sets of semaphores, as ipc/sysv.hpp wants them described, and what this plugin puts into them.
// semget(2), semctl(2), semop(2).
#pragma once

#include <ipc/deadline.hpp>
#include <ipc/inspect.hpp>
#include <ipc/sysv.hpp>

#include <sys/sem.h>

#include <cstdint>
#include <initializer_list>

struct Sets {
    using Record = semid_ds;
    static constexpr const char *noun = "set of semaphores";
    static constexpr int stat_any = SEM_STAT_ANY;
    static int get(key_t key, int flags) { return semget(key, 0, flags); }
    static int control(int id, int command, Record *record) { return semctl(id, 0, command, record); }
    static auto &permissions(auto &record) { return record.sem_perm; }
    static std::time_t changed(const Record &record) { return record.sem_ctime; }
};

/// Which limits there are; their largest value is semvmx.
inline seminfo set_limits()
{
    seminfo limits = {};
    semctl(0, 0, IPC_INFO, &limits);
    return limits;
}

/// How many sets (semusz) and semaphores (semaem) there are.
inline seminfo sets_in_use()
{
    seminfo used = {};
    semctl(0, 0, SEM_INFO, &used);
    return used;
}

/// A set that is still being made has this mode, which nothing else has: its owner may change it and not read it.
inline constexpr unsigned construction_mode = 0200;

// What lock() and meet() make has a last semaphore that tells it from sets that others made:
//     slots    gate N, a 1 for each slot, slot_mark - N: who is through the gate finds a slot that is 1
//     barrier  missing N, closed 1, N, barrier_mark
inline constexpr int barrier_mark = 32767;
inline constexpr int slot_mark = 32766;
inline constexpr std::uint64_t most_slots = 16000;

enum class Form { plain, slots, barrier };

struct Layout {
    Form form = Form::plain;
    std::uint64_t number = 0; ///< of slots, of parties
};

/// A set, by its identifier. Results are 0 or an errno value.
class Set {
public:
    explicit Set(int id) : id_(id) {}
    int id() const { return id_; }

    int try_now(std::initializer_list<sembuf> operations) const;
    /// Operations must not be IPC_NOWAIT: EAGAIN means that the deadline is over, and is its code.
    int run(std::initializer_list<sembuf> operations, const ipc::Deadline &deadline) const;
    int value(unsigned short index) const { return semctl(id_, index, GETVAL); }
    Layout layout(std::uint64_t semaphores) const;

private:
    int id_;
};

ipc::Error operation_error(int code, int id, const char *what);
ipc::Error set_is_gone();

/// Create the set for a purpose (IPC_PURPOSE_…); its identifier.
ipc::Result<int> create_set(const ipc_address &address, std::uint32_t purpose, std::uint64_t value,
                            const ipc_ownership &ownership);

/// The set of that address, initialised. ENOENT also if it was found half made, by somebody who died meanwhile.
ipc::Result<int> open_set(const ipc_address &address);

/// See ipc_semaphore_v1::meet.
ipc::Result<void> meet_at(const Set &set, std::uint64_t parties, std::int64_t timeout);

/// The checked value of a parameter that is a number; `otherwise` if it is not there.
inline std::uint64_t number_parameter(const ipc_address &address, const char *key, std::uint64_t otherwise)
{
    const char *value = ipc::parameter(address, key);
    return value ? static_cast<std::uint64_t>(ipc::whole_number(value).value_or(0)) : otherwise;
}

/// The table of ipc.inspect/1.
extern const ipc_inspect_v1 set_inspection;
