// SPDX-License-Identifier: MIT
// Who has a semaphore locked: the file /dev/shm/holders.NAME beside it, since a semaphore itself does not know.
//
// A place for each slot, with the process that has it: its number, the time of its start, its namespace. It is read and
// written only under an open file description lock on the semaphore's file, which the kernel gives back whenever its
// owner dies. A place is entered before the semaphore is lowered and cleared after it is raised, so that whoever finds
// one half done can tell from the semaphore's value what has happened.
#pragma once

#include "semaphore_file.hpp"

#include <ipc/process_mark.hpp>

#include <vector>

enum class PlaceState : std::uint32_t { free = 0, unsettled = 1, held = 2 };

struct Place {
    PlaceState state;
    std::uint32_t locker;     ///< number of the process that took it, and gives it back as long as that lives
    ipc::ProcessMark process; ///< for which it is taken: that one, or its command
};

class Holders {
public:
    /// For a semaphore that is locked by a HoldersLock. A list that belongs to another semaphore, or is damaged, gives
    /// way to a new one with a place for each slot, or with plain_places where the semaphore has none. EIDRM if the
    /// name means another semaphore by now, EEXIST if the file of that name is no list.
    static ipc::Result<Holders> open(const char *name, const SemaphoreFile &semaphore);

    /// Remove the list of the semaphore of that name, if there is one: the semaphore is gone.
    static void remove(int directory, const char *name);

    /// Give back what was left half done and, if `dead` is true, what dead processes have.
    ipc::Result<void> settle(SemaphoreFile &semaphore, bool dead);
    /// Take one of the semaphore for that process: the slot, from 1 on; 0 if the semaphore is 0 now. ENOSPC if all
    /// places are taken.
    ipc::Result<std::uint64_t> take(SemaphoreFile &semaphore, const ipc::ProcessMark &process);
    /// Give back what `locker` took, unless somebody did because its command has ended.
    ipc::Result<void> give(SemaphoreFile &semaphore, std::uint64_t slot, const ipc::ProcessMark &locker);
    /// What `locker` took is for that process now. EOWNERDEAD if somebody gave it back, since the locker has died.
    ipc::Result<void> entrust(std::uint64_t slot, const ipc::ProcessMark &locker, const ipc::ProcessMark &process);
    /// Does a process of another process namespace have one? It is never found dead.
    bool has_strangers() const;
    /// Read again what others may have changed.
    ipc::Result<void> refresh();

    static constexpr std::uint64_t plain_places = 256;

    /// The places as they are written down at this moment, read without a lock, and when that was. None if nobody has
    /// locked the semaphore of that name, which has this status and so many slots, or if they may not be read.
    struct Glance {
        std::vector<Place> places;
        std::int64_t written = IPC_NO_TIME;
    };
    static Glance glance(const char *name, const struct statx &semaphore, std::uint64_t slots);

private:
    Holders(ipc::Fd file, std::vector<Place> places) : file_(std::move(file)), places_(std::move(places)) {}
    ipc::Result<void> write(std::size_t index, const Place &place);
    bool is_held_by(std::size_t index, const ipc::ProcessMark &locker) const;
    ipc::Result<void> give_back(SemaphoreFile &semaphore, std::size_t index);

    ipc::Fd file_;
    std::vector<Place> places_;
};

/// Keeps others from the holders of a semaphore while it lives. Waits for them at least a second even where the
/// deadline allows less: nobody has it for longer than a few system calls, or means harm.
class HoldersLock {
public:
    static ipc::Result<HoldersLock> lock(const SemaphoreFile &semaphore, const ipc::Deadline &deadline);
    HoldersLock(HoldersLock &&other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
    HoldersLock &operator=(HoldersLock &&) = delete;
    ~HoldersLock();

private:
    explicit HoldersLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};
