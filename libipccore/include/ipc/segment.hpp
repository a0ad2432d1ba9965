// SPDX-License-Identifier: MIT
// ipc/segment.hpp - offer ipc.segment/1 with a class.
//
//     struct Memory {
//         static Result<std::unique_ptr<Memory>> create(const ipc_address &, std::uint64_t bytes, const ipc_ownership
//         &); static Result<std::unique_ptr<Memory>> open(const ipc_address &, std::uint32_t access); Result<void>
//         status(ipc_segment_status &); Result<void> map(ipc_mapping &); Result<void> resize(std::uint64_t bytes); //
//         may be missing
//     };
//     constexpr ipc_segment_v1 segment = ipc::segment_table<Memory>();
//
// What each must do is said in ipc/plugin.h; the destructor is close(). Objects come in as unique_ptr so that a
// failure on the way loses nothing.
#pragma once

#include <ipc/plugin.hpp>

#include <memory>

namespace ipc {

template <typename Memory> constexpr ipc_segment_v1 segment_table()
{
    ipc_segment_v1 table = {};
    table.size = sizeof table;
    table.create = [](const ipc_address *address, std::uint64_t bytes, const ipc_ownership *ownership,
                      ipc_segment **segment, ipc_error *error) {
        return guarded(error, [&]() -> Result<void> {
            *segment = reinterpret_cast<ipc_segment *>(IPC_TRY(Memory::create(*address, bytes, *ownership)).release());
            return {};
        });
    };
    table.open = [](const ipc_address *address, std::uint32_t access, ipc_segment **segment, ipc_error *error) {
        return guarded(error, [&]() -> Result<void> {
            *segment = reinterpret_cast<ipc_segment *>(IPC_TRY(Memory::open(*address, access)).release());
            return {};
        });
    };
    table.status = [](ipc_segment *segment, ipc_segment_status *status, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Memory *>(segment)->status(*status); });
    };
    table.map = [](ipc_segment *segment, ipc_mapping *mapping, ipc_error *error) {
        return guarded(error, [&] { return reinterpret_cast<Memory *>(segment)->map(*mapping); });
    };
    if constexpr (requires(Memory & memory) { memory.resize(std::uint64_t{}); })
        table.resize = [](ipc_segment *segment, std::uint64_t bytes, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Memory *>(segment)->resize(bytes); });
        };
    table.close = [](ipc_segment *segment) { delete reinterpret_cast<Memory *>(segment); };
    return table;
}

} // namespace ipc
