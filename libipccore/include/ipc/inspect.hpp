// SPDX-License-Identifier: MIT
// ipc/inspect.hpp - offer ipc.inspect/1 with a class of static functions.
//
//     struct Inspection {
//         static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES; // may be missing
//         static Result<void> list(const Emit<ipc_object> &emit);                                // may be missing
//         static Result<void> look(const ipc_address &, const Emit<ipc_object> &emit);
//         static bool claim(const ipc_sight &, ipc_claim &);                                     // may be missing
//         static bool describe(const ipc_sight &, const Emit<ipc_object> &emit);                 // may be missing
//         static Result<void> limits(const Emit<ipc_limit> &emit);                               // may be missing
//         static Result<void> parties(const Emit<ipc_party> &emit);                              // may be missing
//     };
//     constexpr ipc_inspect_v1 inspect = ipc::inspect_table<Inspection>();
//
// What each must do is said in ipc/plugin.h.
#pragma once

#include <ipc/emit.hpp>
#include <ipc/plugin.hpp>

namespace ipc {

template <typename Inspection> constexpr ipc_inspect_v1 inspect_table()
{
    ipc_inspect_v1 table = {};
    table.size = sizeof table;
    if constexpr (requires { Inspection::claims; })
        table.claims = Inspection::claims;
    if constexpr (requires(const Emit<ipc_object> &emit) { Inspection::list(emit); })
        table.list = [](ipc_emit_object emit, void *context, ipc_error *error) {
            return guarded(error, [&] { return Inspection::list(Emit<ipc_object>(emit, context)); });
        };
    table.look = [](const ipc_address *address, ipc_emit_object emit, void *context, ipc_error *error) {
        return guarded(error, [&] { return Inspection::look(*address, Emit<ipc_object>(emit, context)); });
    };
    if constexpr (requires(const ipc_sight &sight, ipc_claim &claim) { Inspection::claim(sight, claim); })
        table.claim = [](const ipc_sight *sight, ipc_claim *claim) {
            return Inspection::claim(*sight, *claim) ? 1 : 0;
        };
    if constexpr (requires(const ipc_sight &sight, const Emit<ipc_object> &emit) { Inspection::describe(sight, emit); })
        table.describe = [](const ipc_sight *sight, ipc_emit_object emit, void *context) {
            return Inspection::describe(*sight, Emit<ipc_object>(emit, context)) ? 0 : 1;
        };
    if constexpr (requires(const Emit<ipc_limit> &emit) { Inspection::limits(emit); })
        table.limits = [](ipc_emit_limit emit, void *context, ipc_error *error) {
            return guarded(error, [&] { return Inspection::limits(Emit<ipc_limit>(emit, context)); });
        };
    if constexpr (requires(const Emit<ipc_party> &emit) { Inspection::parties(emit); })
        table.parties = [](ipc_emit_party emit, void *context, ipc_error *error) {
            return guarded(error, [&] { return Inspection::parties(Emit<ipc_party>(emit, context)); });
        };
    return table;
}

} // namespace ipc
