// SPDX-License-Identifier: MIT
// ipc/semaphore.hpp - offer ipc.semaphore/1 with a class.
//
//     struct Gate {
//         static constexpr std::uint32_t features = IPC_SEMAPHORE_COUNTS;
//         static Result<std::unique_ptr<Gate>> create(const ipc_address &, std::uint32_t purpose, std::uint64_t value,
//                                                     const ipc_ownership &);
//         static Result<std::unique_ptr<Gate>> open(const ipc_address &);
//         Result<void> status(ipc_semaphore_status &);
//         Result<void> wait(std::uint64_t count, std::int64_t timeout);                       // may be missing
//         Result<void> post(std::uint64_t count);                                             // may be missing
//         Result<void> wait_zero(std::int64_t timeout);                                       // may be missing
//         Result<std::uint64_t> lock(std::uint64_t slots, bool shared, std::int64_t timeout); // the slot
//         Result<void> unlock();
//         Result<void> entrust(std::int64_t process);                                         // may be missing
//         Result<void> meet(std::uint64_t parties, std::int64_t timeout);                     // may be missing
//     };
//     constexpr ipc_semaphore_v1 semaphore = ipc::semaphore_table<Gate>();
//
// What each must do is said in ipc/plugin.h; the destructor is close().
#pragma once

#include <ipc/plugin.hpp>

#include <memory>

namespace ipc {

template <typename Gate> constexpr void add_counting(ipc_semaphore_v1 &table)
{
    table.wait = [](ipc_semaphore *semaphore, std::uint64_t count, std::int64_t timeout, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Gate *>(semaphore)->wait(count, timeout); });
    };
    table.post = [](ipc_semaphore *semaphore, std::uint64_t count, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Gate *>(semaphore)->post(count); });
    };
    table.wait_zero = [](ipc_semaphore *semaphore, std::int64_t timeout, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Gate *>(semaphore)->wait_zero(timeout); });
    };
}

template <typename Gate> constexpr ipc_semaphore_v1 semaphore_table()
{
    ipc_semaphore_v1 table = {};
    table.size = sizeof table;
    table.features = Gate::features;
    table.create = [](const ipc_address *address, std::uint32_t purpose, std::uint64_t value,
                      const ipc_ownership *ownership, ipc_semaphore **semaphore, ipc_error *error) {
        return guarded(error, [&]() -> Result<void> {
            *semaphore = reinterpret_cast<ipc_semaphore *>(
                IPC_TRY(Gate::create(*address, purpose, value, *ownership)).release());
            return {};
        });
    };
    table.open = [](const ipc_address *address, ipc_semaphore **semaphore, ipc_error *error) {
        return guarded(error, [&]() -> Result<void> {
            *semaphore = reinterpret_cast<ipc_semaphore *>(IPC_TRY(Gate::open(*address)).release());
            return {};
        });
    };
    table.status = [](ipc_semaphore *semaphore, ipc_semaphore_status *status, ipc_error *error) {
        return guarded(error, [&] {
            return fill_in(status, [&](auto &now) { return reinterpret_cast<Gate *>(semaphore)->status(now); });
        });
    };
    if constexpr (requires(Gate & gate) { gate.post(std::uint64_t{}); })
        add_counting<Gate>(table);
    table.lock = [](ipc_semaphore *semaphore, std::uint64_t slots, std::uint32_t shared, std::int64_t timeout,
                    std::uint64_t *slot, ipc_error *error) {
        return guarded(error, [&]() -> Result<void> {
            *slot = IPC_TRY(reinterpret_cast<Gate *>(semaphore)->lock(slots, shared != 0, timeout));
            return {};
        });
    };
    table.unlock = [](ipc_semaphore *semaphore, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Gate *>(semaphore)->unlock(); });
    };
    if constexpr (requires(Gate & gate) { gate.entrust(std::int64_t{}); })
        table.entrust = [](ipc_semaphore *semaphore, std::int64_t process, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Gate *>(semaphore)->entrust(process); });
        };
    if constexpr (requires(Gate & gate) { gate.meet(std::uint64_t{}, std::int64_t{}); })
        table.meet = [](ipc_semaphore *semaphore, std::uint64_t parties, std::int64_t timeout, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Gate *>(semaphore)->meet(parties, timeout); });
        };
    table.close = [](ipc_semaphore *semaphore) { delete reinterpret_cast<Gate *>(semaphore); };
    return table;
}

} // namespace ipc
