// SPDX-License-Identifier: MIT
// ipc/segment.hpp - offer ipc.segment/1 with a class.
//
//     struct Memory {
//         static constexpr std::uint32_t features = IPC_SEGMENT_TRANSIENT;                // may be missing
//         static Result<std::unique_ptr<Memory>> create(const ipc_address &, std::uint64_t bytes,
//                                                       const ipc_ownership &);
//         static Result<std::unique_ptr<Memory>> open(const ipc_address &, std::uint32_t access);
//         Result<void> status(ipc_segment_status &);
//         Result<void> map(ipc_mapping &);
//         Result<void> resize(std::uint64_t bytes); // may be missing, like all below
//         Result<void> commit();
//         Result<std::uint64_t> read(std::uint64_t offset, void *bytes, std::uint64_t length);
//         Result<std::uint64_t> write(std::uint64_t offset, const void *bytes, std::uint64_t length);
//         Result<void> list_parts(const Emit<ipc_part> &emit);
//         static Result<std::unique_ptr<Memory>> create_unnamed(const ipc_address &, std::uint64_t bytes,
//                                                               const ipc_ownership &);
//     };
//     constexpr ipc_segment_v1 segment = ipc::segment_table<Memory>();
//
// What each must do is said in ipc/plugin.h; the destructor is close(). Objects come in as unique_ptr so that a
// failure on the way loses nothing.
#pragma once

#include <ipc/emit.hpp>
#include <ipc/plugin.hpp>

#include <sys/resource.h>

#include <memory>

namespace ipc {

/// Why `bytes` of memory could not be mapped, by mmap(2) or shmat(2).
inline Error mapping_error(int code, std::uint64_t bytes)
{
    struct rlimit limit;
    if (code == ENOMEM && ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        return Error::of(code,
                         "its %llu bytes cannot be mapped: RLIMIT_AS allows this process %llu for all that it has "
                         "mapped (raise it: ulimit -v)",
                         static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(limit.rlim_cur));
    return Error::of(code, "its %llu bytes cannot be mapped: %s", static_cast<unsigned long long>(bytes),
                     std::strerror(code));
}

template <typename Memory> constexpr ipc_segment_v1 segment_table()
{
    ipc_segment_v1 table = {};
    table.size = sizeof table;
    if constexpr (requires { Memory::features; })
        table.features = Memory::features;
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
        return guarded(error, [&] {
            return fill_in(status, [&](auto &now) { return reinterpret_cast<Memory *>(segment)->status(now); });
        });
    };
    table.map = [](ipc_segment *segment, ipc_mapping *mapping, ipc_error *error) {
        return guarded(error, [&] {
            return fill_in(mapping, [&](auto &made) { return reinterpret_cast<Memory *>(segment)->map(made); });
        });
    };
    if constexpr (requires(Memory & memory) { memory.resize(std::uint64_t{}); })
        table.resize = [](ipc_segment *segment, std::uint64_t bytes, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Memory *>(segment)->resize(bytes); });
        };
    if constexpr (requires(Memory & memory) { memory.commit(); })
        table.commit = [](ipc_segment *segment, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<Memory *>(segment)->commit(); });
        };
    if constexpr (requires(Memory & memory, void *bytes) { memory.read(std::uint64_t{}, bytes, std::uint64_t{}); })
        table.read = [](ipc_segment *segment, std::uint64_t offset, void *bytes, std::uint64_t length,
                        std::uint64_t *count, ipc_error *error) {
            return guarded(error, [&]() -> Result<void> {
                *count = IPC_TRY(reinterpret_cast<Memory *>(segment)->read(offset, bytes, length));
                return {};
            });
        };
    if constexpr (requires(Memory & memory, const void *bytes) {
                      memory.write(std::uint64_t{}, bytes, std::uint64_t{});
                  })
        table.write = [](ipc_segment *segment, std::uint64_t offset, const void *bytes, std::uint64_t length,
                         std::uint64_t *count, ipc_error *error) {
            return guarded(error, [&]() -> Result<void> {
                *count = IPC_TRY(reinterpret_cast<Memory *>(segment)->write(offset, bytes, length));
                return {};
            });
        };
    if constexpr (requires(Memory & memory, const Emit<ipc_part> &emit) { memory.list_parts(emit); })
        table.list_parts = [](ipc_segment *segment, ipc_emit_part emit, void *context, ipc_error *error) {
            return guarded(
                error, [&] { return reinterpret_cast<Memory *>(segment)->list_parts(Emit<ipc_part>(emit, context)); });
        };
    if constexpr (requires(const ipc_address &address, const ipc_ownership &ownership) {
                      Memory::create_unnamed(address, std::uint64_t{}, ownership);
                  })
        table.create_unnamed = [](const ipc_address *address, std::uint64_t bytes, const ipc_ownership *ownership,
                                  ipc_segment **segment, ipc_error *error) {
            return guarded(error, [&]() -> Result<void> {
                *segment = reinterpret_cast<ipc_segment *>(
                    IPC_TRY(Memory::create_unnamed(*address, bytes, *ownership)).release());
                return {};
            });
        };
    table.close = [](ipc_segment *segment) { delete reinterpret_cast<Memory *>(segment); };
    return table;
}

} // namespace ipc
