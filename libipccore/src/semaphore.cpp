// SPDX-License-Identifier: MIT
#include "semaphore.hpp"

#include "error.hpp"
#include "guarded_access.hpp"

namespace ipc {
namespace {

Result<const ipc_semaphore_v1 *> table_of(const Address &address)
{
    const Plugin *plugin = IPC_TRY(load_plugin(address.mechanism));
    if (!plugin->semaphore())
        return usage_error("mechanism {} offers no semaphore", address.mechanism);
    IPC_TRY(plugin->check(address));
    return plugin->semaphore();
}

/// Call a function of the plugin, which may touch memory that others can take away.
template <typename Function, typename... Arguments>
Result<void> call_at(const Address &address, Function *function, Arguments... arguments)
{
    Result<void> result;
    if (!while_memory_lasts([&] { result = call(function, arguments...); }))
        result = failure(EIO, "its memory is gone: somebody made it smaller, or no memory is left for it");
    if (!result)
        return located(address.text(), result.error());
    return {};
}

constexpr std::string_view no_counting = "counts nothing: its locks end with the process that took them (use semlock)";
constexpr std::string_view no_slots = "has one slot (leave out --slots)";
constexpr std::string_view no_shares = "has no shared locks (leave out --shared)";
constexpr std::string_view no_barriers = "has no barriers (ipcls --plugins shows other mechanisms)";

Error lacks(const Address &address, std::string_view what)
{
    return located(address.text(), failure(ENOTSUP, "mechanism {} {}", address.mechanism, what));
}

} // namespace

void Semaphore::Close::operator()(ipc_semaphore *semaphore) const
{
    (void)while_memory_lasts([&] { table->close(semaphore); });
}

Result<Semaphore> Semaphore::create(const Address &address, Purpose purpose, std::uint64_t value,
                                    const Ownership &ownership)
{
    const ipc_semaphore_v1 *table = IPC_TRY(table_of(address));
    if (purpose == Purpose::meet && !table->meet)
        return lacks(address, no_barriers);
    if (purpose == Purpose::lock && value > 1 && !(table->features & IPC_SEMAPHORE_SLOTS))
        return lacks(address, no_slots);
    const CrossingAddress crossing(address);
    const ipc_ownership owner = {sizeof owner, ownership.mode, ownership.owner, ownership.group};
    ipc_semaphore *handle = nullptr;
    IPC_TRY(
        call_at(address, table->create, crossing.get(), static_cast<std::uint32_t>(purpose), value, &owner, &handle));
    return created(address, table, handle);
}

Result<Semaphore> Semaphore::created(const Address &address, const ipc_semaphore_v1 *table, ipc_semaphore *handle)
{
    Semaphore made(Address{address.mechanism, address.name, {}}, table, handle);
    const ipc_semaphore_status status = IPC_TRY(made.status());
    if (status.name)
        made.address_.name = status.name;
    return made;
}

Result<Semaphore> Semaphore::open(const Address &address)
{
    const ipc_semaphore_v1 *table = IPC_TRY(table_of(address));
    const CrossingAddress crossing(address);
    ipc_semaphore *handle = nullptr;
    IPC_TRY(call_at(address, table->open, crossing.get(), &handle));
    return Semaphore(address, table, handle);
}

Result<Semaphore> Semaphore::open_or_create(const Address &address, Purpose purpose, std::uint64_t value,
                                            const Ownership &ownership)
{
    constexpr int attempts = 100; // in which somebody removed what was found, or made what was missing
    for (int attempt = 0;; attempt++) {
        Result<Semaphore> opened = open(address);
        if (opened || opened.error().code() != ENOENT || attempt == attempts)
            return opened;
        Result<Semaphore> made = create(address, purpose, value, ownership);
        if (made || (made.error().code() != EEXIST && made.error().code() != EIDRM))
            return made;
    }
}

Result<ipc_semaphore_status> Semaphore::status() const
{
    ipc_semaphore_status status = {};
    status.size = sizeof status;
    IPC_TRY(call_at(address_, table_->status, handle_.get(), &status));
    return status;
}

Result<void> Semaphore::wait(std::uint64_t count, std::int64_t timeout)
{
    if (!table_->wait)
        return lacks(address_, no_counting);
    return call_at(address_, table_->wait, handle_.get(), count, timeout);
}

Result<void> Semaphore::post(std::uint64_t count)
{
    if (!table_->post)
        return lacks(address_, no_counting);
    return call_at(address_, table_->post, handle_.get(), count);
}

Result<void> Semaphore::wait_zero(std::int64_t timeout)
{
    if (!table_->wait_zero)
        return lacks(address_, no_counting);
    return call_at(address_, table_->wait_zero, handle_.get(), timeout);
}

Result<std::uint64_t> Semaphore::lock(std::uint64_t slots, bool shared, std::int64_t timeout)
{
    if (shared && !(table_->features & IPC_SEMAPHORE_SHARED))
        return lacks(address_, no_shares);
    if (slots > 1 && !(table_->features & IPC_SEMAPHORE_SLOTS))
        return lacks(address_, no_slots);
    std::uint64_t slot = 0;
    IPC_TRY(call_at(address_, table_->lock, handle_.get(), slots, shared ? 1u : 0u, timeout, &slot));
    return slot;
}

Result<void> Semaphore::unlock() { return call_at(address_, table_->unlock, handle_.get()); }

Result<void> Semaphore::entrust(std::int64_t process)
{
    if (!table_->entrust)
        return {};
    return call_at(address_, table_->entrust, handle_.get(), process);
}

Result<void> Semaphore::meet(std::uint64_t parties, std::int64_t timeout)
{
    if (!table_->meet)
        return lacks(address_, no_barriers);
    return call_at(address_, table_->meet, handle_.get(), parties, timeout);
}

Result<void> Semaphore::remove()
{
    const ipc_semaphore_status now = IPC_TRY(status());
    return remove_named(address_, &now.identity);
}

} // namespace ipc
