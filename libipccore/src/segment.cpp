// SPDX-License-Identifier: MIT
#include "segment.hpp"

#include "error.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace ipc {
namespace {

Result<const ipc_segment_v1 *> table_of(const Address &address)
{
    const Plugin *plugin = IPC_TRY(load_plugin(address.mechanism));
    if (!plugin->segment())
        return usage_error("mechanism {} offers no segment", address.mechanism);
    IPC_TRY(plugin->check(address));
    return plugin->segment();
}

/// The memory from `offset` on; the segment may have become shorter since its size was asked for.
std::span<std::byte> behind(std::span<std::byte> memory, std::uint64_t offset)
{
    return memory.subspan(std::min<std::uint64_t>(offset, memory.size()));
}

Error at(const Address &address, const Error &error) { return located(address.text(), error); }

Result<ipc_segment *> make(decltype(ipc_segment_v1::create) create, const Address &address, std::uint64_t bytes,
                           const Ownership &ownership)
{
    const CrossingAddress crossing(address);
    const ipc_ownership owner = {sizeof owner, ownership.mode, ownership.owner, ownership.group};
    ipc_segment *handle = nullptr;
    if (Result<void> made = call(create, crossing.get(), bytes, &owner, &handle); !made)
        return at(address, made.error());
    return handle;
}

} // namespace

Result<Segment> Segment::create(const Address &address, std::uint64_t bytes, const Ownership &ownership)
{
    const ipc_segment_v1 *table = IPC_TRY(table_of(address));
    return created(address, table, IPC_TRY(make(table->create, address, bytes, ownership)), false);
}

Result<Segment> Segment::create_unnamed(const Address &address, std::uint64_t bytes, const Ownership &ownership)
{
    const ipc_segment_v1 *table = IPC_TRY(table_of(address));
    if (!table->create_unnamed)
        return create(address, bytes, ownership);
    const Result<ipc_segment *> made = make(table->create_unnamed, address, bytes, ownership);
    if (!made && made.error().code() == ENOTSUP)
        return create(address, bytes, ownership);
    return made ? created(address, table, made.value(), true) : made.error();
}

Result<bool> Segment::are_transient(const Address &address)
{
    return (IPC_TRY(table_of(address))->features & IPC_SEGMENT_TRANSIENT) != 0;
}

Result<bool> Segment::are_resizable(const Address &address) { return IPC_TRY(table_of(address))->resize != nullptr; }

Result<Segment::Room> Segment::room_for_one(const Address &address)
{
    const ipc_inspect_v1 *inspect = IPC_TRY(load_plugin(address.mechanism))->inspect();
    Room room;
    if (!inspect || !inspect->limits)
        return room;
    const ipc_emit_limit emit = [](void *context, const ipc_limit *emitted) noexcept {
        ipc_limit limit = {};
        limit.limit = limit.used = IPC_UNKNOWN;
        adopt(limit, emitted);
        Room &tightest = *static_cast<Room *>(context);
        if (limit.unit != IPC_UNIT_BYTES || limit.limit == IPC_UNKNOWN)
            return 0;
        const std::uint64_t used = limit.used == IPC_UNKNOWN ? 0 : limit.used;
        const std::uint64_t left = limit.limit - std::min(limit.limit, used);
        if (left < tightest.bytes)
            tightest = {left, limit.name ? limit.name : ""};
        return 0;
    };
    if (const Result<void> asked = call(inspect->limits, emit, static_cast<void *>(&room)); !asked)
        return at(address, asked.error());
    return room;
}

Result<Segment> Segment::created(const Address &address, const ipc_segment_v1 *table, ipc_segment *handle, bool unnamed)
{
    Segment made(Address{address.mechanism, address.name, {}}, table, handle);
    made.unnamed_ = unnamed;
    const Result<ipc_segment_status> status = made.status();
    if (!status && (unnamed || made.transient()))
        return status.error();
    if (!status)
        return failure(status.error().code(), "{} (it was created and stays: remove it with shmrm)",
                       status.error().text());
    if (status.value().name)
        made.address_.name = status.value().name;
    return made;
}

Result<Segment> Segment::open(const Address &address, Access access)
{
    const ipc_segment_v1 *table = IPC_TRY(table_of(address));
    const CrossingAddress crossing(address);
    ipc_segment *handle = nullptr;
    if (Result<void> opened = call(table->open, crossing.get(), static_cast<std::uint32_t>(access), &handle); !opened)
        return at(address, opened.error());
    return Segment(address, table, handle);
}

Result<ipc_segment_status> Segment::status() const
{
    ipc_segment_status status = {};
    status.size = sizeof status;
    status.descriptor = -1;
    if (Result<void> known = call(table_->status, handle_.get(), &status); !known)
        return at(address_, known.error());
    return status;
}

Result<std::span<std::byte>> Segment::map()
{
    ipc_mapping mapping = {};
    mapping.size = sizeof mapping;
    if (Result<void> mapped = call(table_->map, handle_.get(), &mapping); !mapped)
        return at(address_, mapped.error());
    return std::span(static_cast<std::byte *>(mapping.address), mapping.length);
}

Result<void> Segment::resize(std::uint64_t bytes)
{
    if (!table_->resize)
        return at(address_, failure(ENOTSUP, "the mechanism cannot change a segment's size (create another one)"));
    if (Result<void> resized = call(table_->resize, handle_.get(), bytes); !resized)
        return at(address_, resized.error());
    return {};
}

bool Segment::mappable()
{
    if (!table_->read)
        return true;
    const Result<std::span<std::byte>> mapped = map();
    return mapped || mapped.error().code() != ENOTSUP;
}

Result<std::size_t> Segment::read(std::uint64_t offset, std::span<std::byte> into)
{
    const ipc_segment_status now = IPC_TRY(status());
    if (offset >= now.bytes)
        return std::size_t{0};
    ssize_t count = 0;
    if (now.descriptor >= 0) {
        count = pread(now.descriptor, into.data(), into.size(), static_cast<off_t>(offset));
    } else if (!mappable()) {
        std::uint64_t taken = 0;
        const std::uint64_t wanted = std::min<std::uint64_t>(into.size(), now.bytes - offset);
        if (Result<void> done = call(table_->read, handle_.get(), offset, into.data(), wanted, &taken); !done)
            return at(address_, done.error());
        return std::min<std::size_t>(taken, into.size());
    } else {
        const std::span<std::byte> memory = behind(IPC_TRY(map()), offset);
        const iovec local = {into.data(), std::min(into.size(), memory.size())};
        const iovec remote = {memory.data(), local.iov_len};
        count = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    }
    if (count < 0)
        return at(address_, failure(errno, "reading at offset {}: {}", offset, std::strerror(errno)));
    return static_cast<std::size_t>(count);
}

Result<std::size_t> Segment::write(std::uint64_t offset, std::span<const std::byte> from)
{
    const ipc_segment_status now = IPC_TRY(status());
    if (offset >= now.bytes)
        return std::size_t{0};
    from = from.first(std::min<std::uint64_t>(from.size(), now.bytes - offset));
    if (!mappable()) {
        if (!table_->write)
            return at(address_, failure(ENOTSUP, "it can be read from here and not written"));
        std::uint64_t taken = 0;
        if (Result<void> done = call(table_->write, handle_.get(), offset, from.data(), from.size(), &taken); !done)
            return at(address_, done.error());
        return std::min<std::size_t>(taken, from.size());
    }
    const std::span<std::byte> memory = behind(IPC_TRY(map()), offset);
    // The kernel knows whether it may be written; a copy of our own would find out by a signal.
    const iovec local = {const_cast<std::byte *>(from.data()), std::min(from.size(), memory.size())};
    const iovec remote = {memory.data(), local.iov_len};
    const ssize_t count = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
    if (count < 0)
        return at(address_, failure(errno, "writing at offset {}: {}", offset, std::strerror(errno)));
    return static_cast<std::size_t>(count);
}

Result<void> Segment::commit()
{
    if (!table_->commit)
        return {};
    if (Result<void> done = call(table_->commit, handle_.get()); !done)
        return at(address_, done.error());
    unnamed_ = false;
    return {};
}

Result<std::optional<std::vector<Segment::Part>>> Segment::parts()
{
    std::vector<Part> parts;
    if (!table_->list_parts)
        return std::optional<std::vector<Part>>();
    const ipc_emit_part emit = [](void *context, const ipc_part *emitted) noexcept {
        ipc_part part = {};
        part.offset = part.bytes = IPC_UNKNOWN;
        adopt(part, emitted);
        static_cast<std::vector<Part> *>(context)->push_back({part.name ? part.name : "", part.type ? part.type : "",
                                                              part.offset, part.bytes,
                                                              (part.flags & IPC_PART_FREE) != 0});
        return 0;
    };
    Result<void> listed = call(table_->list_parts, handle_.get(), emit, static_cast<void *>(&parts));
    if (!listed && listed.error().code() == ENOTSUP)
        return std::optional<std::vector<Part>>();
    if (!listed)
        return at(address_, listed.error());
    return std::optional(std::move(parts));
}

Result<void> Segment::remove()
{
    if (transient())
        return {};
    const ipc_segment_status now = IPC_TRY(status());
    const Result<void> removed = remove_named(address_, &now.identity);
    const bool has_no_name = !removed && (removed.error().code() == ENOENT || removed.error().code() == ESTALE);
    return unnamed_ && has_no_name ? Result<void>() : removed;
}

} // namespace ipc
