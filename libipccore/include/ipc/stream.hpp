// SPDX-License-Identifier: MIT
// ipc/stream.hpp - offer ipc.stream/1 with a class.
//
//     struct End {
//         static Result<void> create(const ipc_address &, const ipc_ownership &, ipc_identity &);    // may be missing
//         static Result<std::unique_ptr<End>> listen(const ipc_address &, ipc_channel &);
//         static Result<std::unique_ptr<End>> connect(const ipc_address &, std::int64_t timeout, ipc_channel &);
//         Result<Fd> accept();                                                                       // may be missing
//         Result<void> renew();                                                                      // may be missing
//         Result<void> find();                                                                       // may be missing
//     };
//     constexpr ipc_stream_v1 stream = ipc::stream_table<End>();
//
// What each must do is said in ipc/plugin.h; the destructor is close(). The channel comes cleared, with no descriptor.
#pragma once

#include <ipc/fd.hpp>
#include <ipc/plugin.hpp>

#include <memory>

namespace ipc {

template <typename End> constexpr ipc_stream_v1 stream_table()
{
    ipc_stream_v1 table = {};
    table.size = sizeof table;
    if constexpr (requires(const ipc_address &address, const ipc_ownership &ownership, ipc_identity &identity) {
                      End::create(address, ownership, identity);
                  })
        table.create = [](const ipc_address *address, const ipc_ownership *ownership, ipc_identity *identity,
                          ipc_error *error) {
            return guarded(error, [&] { return End::create(*address, *ownership, *identity); });
        };
    table.listen = [](const ipc_address *address, ipc_stream **stream, ipc_channel *channel, ipc_error *error) {
        return guarded(error, [&] {
            return fill_in(channel, [&](auto &made) -> Result<void> {
                *stream = reinterpret_cast<ipc_stream *>(IPC_TRY(End::listen(*address, made)).release());
                return {};
            });
        });
    };
    table.connect = [](const ipc_address *address, std::int64_t timeout, ipc_stream **stream, ipc_channel *channel,
                       ipc_error *error) {
        return guarded(error, [&] {
            return fill_in(channel, [&](auto &made) -> Result<void> {
                *stream = reinterpret_cast<ipc_stream *>(IPC_TRY(End::connect(*address, timeout, made)).release());
                return {};
            });
        });
    };
    if constexpr (requires(End & end) { end.accept(); })
        table.accept = [](ipc_stream *stream, std::int32_t *descriptor, ipc_error *error) {
            return guarded(error, [&]() -> Result<void> {
                *descriptor = IPC_TRY(reinterpret_cast<End *>(stream)->accept()).release();
                return {};
            });
        };
    if constexpr (requires(End & end) { end.renew(); })
        table.renew = [](ipc_stream *stream, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<End *>(stream)->renew(); });
        };
    if constexpr (requires(End & end) { end.find(); })
        table.find = [](ipc_stream *stream, ipc_error *error) {
            return guarded(error, [&] { return reinterpret_cast<End *>(stream)->find(); });
        };
    table.close = [](ipc_stream *stream) { delete reinterpret_cast<End *>(stream); };
    return table;
}

} // namespace ipc
