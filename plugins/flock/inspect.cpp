// SPDX-License-Identifier: MIT
// flock: which files are locked, and who waits. Any file can be, so none is listed; one is looked at by its path.
#include "lock_table.hpp"

#include <ipc/file_object.hpp>

#include <cstring>
#include <memory>

namespace file_lock {
namespace {

using ipc::Emit;
using ipc::Result;

/// One line: "1: FLOCK  ADVISORY  WRITE 812 00:2f:1310 0 EOF", with "->" behind the number for who waits.
void take_line(const char *line, std::uint64_t device, std::uint64_t inode, const char *type, LockState &state)
{
    const char *at = std::strchr(line, ':');
    if (!at)
        return;
    at += std::strspn(at, ": ");
    const bool waits = std::strncmp(at, "->", 2) == 0;
    if (waits)
        at += std::strspn(at, "-> ");
    char kind[16];
    long long process;
    unsigned major, minor;
    unsigned long long number;
    if (std::sscanf(at, "%15s %*s %*s %lld %x:%x:%llu", kind, &process, &major, &minor, &number) != 5 ||
        std::strcmp(kind, type) != 0 || number != inode || makedev(major, minor) != device)
        return;
    if (waits) {
        state.waiters++;
        return;
    }
    state.locked++;
    if (process > 0 && !state.holder)
        state.holder = process;
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_REGULAR_FILES;

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        struct statx status;
        if (int code = ipc::file_status(AT_FDCWD, address.name, 0, status))
            return ipc::lookup_error(code);
        IPC_TRY(ipc::expect_regular(status.stx_mode));
        const char *type = ipc::parameter(address, "type");
        const Kind kind = type && std::strcmp(type, "ofd") == 0 ? Kind::description : Kind::flock;
        const LockState state = lock_state(ipc::device_of(status), status.stx_ino, kind);
        ipc_object object;
        ipc_object_clear(&object);
        object.name = address.name;
        ipc::describe_file(status, object);
        if (state.known) {
            object.value = state.locked ? 0 : 1;
            object.waiters = state.waiters;
        }
        emit(object);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        if (sight.kind != IPC_SIGHT_DESCRIPTOR || !S_ISREG(sight.mode))
            return false;
        claim.role = IPC_ROLE_HOLDER;
        claim.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
        claim.descriptor = -1;
        return true;
    }
};

} // namespace

LockState lock_state(std::uint64_t device, std::uint64_t inode, Kind kind)
{
    LockState state;
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> table(std::fopen("/proc/locks", "re"), std::fclose);
    char line[256];
    state.known = table != nullptr;
    while (table && std::fgets(line, sizeof line, table.get()))
        take_line(line, device, inode, kind == Kind::flock ? "FLOCK" : "OFDLCK", state);
    return state;
}

const ipc_inspect_v1 inspect = ipc::inspect_table<Inspection>();

} // namespace file_lock
