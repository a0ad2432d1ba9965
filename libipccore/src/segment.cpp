// SPDX-License-Identifier: MIT
#include "segment.hpp"

#include "error.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

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

Error at(const Address &address, const Error &error) { return located(address.text(), error); }

} // namespace

Result<Segment> Segment::create(const Address &address, std::uint64_t bytes, const Ownership &ownership)
{
    const ipc_segment_v1 *table = IPC_TRY(table_of(address));
    const CrossingAddress crossing(address);
    const ipc_ownership owner = {sizeof owner, ownership.mode, ownership.owner, ownership.group};
    ipc_segment *handle = nullptr;
    if (Result<void> made = call(table->create, crossing.get(), bytes, &owner, &handle); !made)
        return at(address, made.error());
    return created(address, table, handle);
}

Result<Segment> Segment::created(const Address &address, const ipc_segment_v1 *table, ipc_segment *handle)
{
    Segment made(Address{address.mechanism, address.name, {}}, table, handle);
    const ipc_segment_status status = IPC_TRY(made.status());
    if (status.name)
        made.address_.name = status.name;
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

Result<std::size_t> Segment::read(std::uint64_t offset, std::span<std::byte> into)
{
    const ipc_segment_status now = IPC_TRY(status());
    if (offset >= now.bytes)
        return std::size_t{0};
    ssize_t count = 0;
    if (now.descriptor >= 0) {
        count = pread(now.descriptor, into.data(), into.size(), static_cast<off_t>(offset));
    } else {
        const std::span<std::byte> memory = IPC_TRY(map()).subspan(offset);
        const iovec local = {into.data(), std::min(into.size(), memory.size())};
        const iovec remote = {memory.data(), local.iov_len};
        count = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    }
    if (count < 0)
        return at(address_, failure(errno, "reading at offset {}: {}", offset, std::strerror(errno)));
    return static_cast<std::size_t>(count);
}

Result<void> Segment::remove()
{
    const ipc_segment_status now = IPC_TRY(status());
    return remove_named(address_, &now.identity);
}

} // namespace ipc
