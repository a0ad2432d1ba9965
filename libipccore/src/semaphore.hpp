// SPDX-License-Identifier: MIT
// A semaphore, whatever its mechanism: it counts who may pass, is locked by one or several, or lets a number of
// processes go together.
#pragma once

#include "address.hpp"
#include "plugins.hpp"
#include "segment.hpp"

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstdint>
#include <memory>

namespace ipc {

/// What a semaphore is made for; see ipc/plugin.h.
enum class Purpose : std::uint32_t { count = IPC_PURPOSE_COUNT, lock = IPC_PURPOSE_LOCK, meet = IPC_PURPOSE_MEET };

/// Move-only; the destructor unlocks, closes and never removes. Every error names the address, and its code tells what
/// kind it is: EAGAIN (busy, and the timeout was 0), ETIMEDOUT, EINTR (interrupted(), see interruption.hpp), EIDRM.
/// What the mechanism has not is ENOTSUP.
class Semaphore {
public:
    /// Create exclusively. What `value` says depends on the purpose: it, how many slots, how many parties.
    static Result<Semaphore> create(const Address &address, Purpose purpose, std::uint64_t value,
                                    const Ownership &ownership);
    static Result<Semaphore> open(const Address &address);
    /// The one that exists, else a new one; also when others create and remove it at the same time.
    static Result<Semaphore> open_or_create(const Address &address, Purpose purpose, std::uint64_t value,
                                            const Ownership &ownership);

    /// What it can be reached by: without parameters after create(), and with a name that works where the one it was
    /// created by does not.
    const Address &address() const { return address_; }
    Result<ipc_semaphore_status> status() const;
    std::uint32_t features() const { return table_->features; }

    /// Timeouts are nanoseconds: 0 tries once, IPC_FOREVER waits.
    Result<void> wait(std::uint64_t count, std::int64_t timeout);
    Result<void> post(std::uint64_t count);
    Result<void> wait_zero(std::int64_t timeout);
    /// `slots` 0: however many it was made for. The answer is the slot, from 1 on, 0 where it has no number.
    Result<std::uint64_t> lock(std::uint64_t slots, bool shared, std::int64_t timeout);
    Result<void> unlock();
    /// See ipc/plugin.h: by the child, before its exec.
    Result<void> entrust(std::int64_t process);
    Result<void> meet(std::uint64_t parties, std::int64_t timeout);
    /// What the destructor does. Nothing else is called after it.
    void close() { handle_.reset(); }
    /// Remove it, if its name still means it: for undoing a creation.
    Result<void> remove();

private:
    struct Close {
        const ipc_semaphore_v1 *table;
        void operator()(ipc_semaphore *semaphore) const;
    };
    Semaphore(const Address &address, const ipc_semaphore_v1 *table, ipc_semaphore *handle)
        : address_(address), table_(table), handle_(handle, Close{table})
    {
    }
    /// What create() has made, under the address that reaches it.
    static Result<Semaphore> created(const Address &address, const ipc_semaphore_v1 *table, ipc_semaphore *handle);
    Address address_;
    const ipc_semaphore_v1 *table_;
    std::unique_ptr<ipc_semaphore, Close> handle_;
};

} // namespace ipc
