// SPDX-License-Identifier: MIT
// flock: which files are locked, by whom, and who waits. The kernel's table has neither names of files nor all who have
// a lock: the pass over processes finds both, at descriptors of the locked files.
#include "lock_table.hpp"

#include <ipc/file_object.hpp>
#include <ipc/quoted_name.hpp>

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace file_lock {
namespace {

using ipc::Emit;
using ipc::Error;
using ipc::Result;
using FileId = std::pair<std::uint64_t, std::uint64_t>; // device, inode

bool are_known = false;
std::vector<Entry> locks;       // when they were asked for last
std::set<FileId> locked_files;  // of these
std::set<FileId> files_of_name; // that were looked at

void ask_for_locks()
{
    std::optional<std::vector<Entry>> entries = read_locks();
    are_known = entries.has_value();
    locks = std::move(entries).value_or(std::vector<Entry>());
    locked_files.clear();
    for (const Entry &entry : locks)
        locked_files.emplace(entry.device, entry.inode);
}

/// "flock, posix shared": each kind of lock that there is on it.
std::string kinds_of_locks(const FileId &file)
{
    constexpr const char *names[] = {"flock", "posix", "ofd"};
    std::string text;
    for (const Entry &entry : locks) {
        if (entry.waits || FileId(entry.device, entry.inode) != file)
            continue;
        const std::string kind = std::string(names[static_cast<int>(entry.kind)]) + (entry.shared ? " shared" : "");
        if (text.find(kind) == text.npos)
            text.append(text.empty() ? "" : ", ").append(kind);
    }
    return text;
}

/// `kinds` outlives the object.
void describe_locks(const FileId &file, const std::string &kinds, ipc_object &object)
{
    if (!are_known)
        return;
    object.waiters = static_cast<std::uint64_t>(std::count_if(locks.begin(), locks.end(), [&](const Entry &entry) {
        return entry.waits && FileId(entry.device, entry.inode) == file;
    }));
    object.value = kinds.empty() ? 1 : 0;
    object.detail = kinds.empty() ? nullptr : kinds.c_str();
}

/// Is the descriptor of that sight locked, and from where on? Locks of fcntl(2) for a process are its own, whichever
/// descriptor they were taken by: the table says whose.
bool is_locked(const ipc_sight &sight, std::uint64_t &offset)
{
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%" PRId64 "/fdinfo/%" PRId64, sight.process, sight.number);
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> facts(std::fopen(path, "re"), std::fclose);
    char line[256];
    while (facts && std::fgets(line, sizeof line, facts.get())) {
        if (std::strncmp(line, "lock:", 5) != 0)
            continue;
        const std::optional<Entry> entry = parse_entry(line + 5);
        if (!entry || entry->kind == Kind::process)
            continue;
        offset = entry->offset;
        return true;
    }
    return false;
}

bool is_call_that_waits(const ipc_sight &sight)
{
    const auto operation = static_cast<int>(sight.arguments[1]);
    return sight.number == SYS_flock ||
           (sight.number == SYS_fcntl && (operation == F_SETLKW || operation == F_OFD_SETLKW));
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_REGULAR_FILES | IPC_CLAIMS_CALLS;

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        struct statx status;
        if (int code = ipc::file_status(AT_FDCWD, address.name, 0, status))
            return ipc::lookup_error(code);
        IPC_TRY(ipc::expect_regular(status.stx_mode));
        ask_for_locks();
        const FileId file(ipc::device_of(status), status.stx_ino);
        files_of_name.insert(file);
        ipc_object object;
        ipc_object_clear(&object);
        object.name = address.name;
        ipc::describe_file(status, object);
        const std::string kinds = kinds_of_locks(file);
        describe_locks(file, kinds, object);
        emit(object);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        if (sight.kind == IPC_SIGHT_CALL && is_call_that_waits(sight)) {
            claim.role = IPC_ROLE_WAITS_TO_LOCK;
            claim.descriptor = static_cast<int>(sight.arguments[0]);
            return true;
        }
        const FileId file(sight.device, sight.inode);
        if (sight.kind != IPC_SIGHT_DESCRIPTOR || !S_ISREG(sight.mode) ||
            !(locked_files.contains(file) || files_of_name.contains(file)))
            return false;
        claim.role =
            locked_files.contains(file) && is_locked(sight, claim.offset) ? IPC_ROLE_HAS_LOCKED : IPC_ROLE_HOLDER;
        claim.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
        claim.descriptor = -1;
        return true;
    }

    /// A locked file, under its name where that means the same file here, else where a process has it open.
    static bool describe(const ipc_sight &sight, const Emit<ipc_object> &emit)
    {
        const FileId file(sight.device, sight.inode);
        char held[64];
        std::snprintf(held, sizeof held, "/proc/%" PRId64 "/fd/%" PRId64, sight.process, sight.number);
        struct statx status;
        const auto is_there = [&](const char *path) {
            return ipc::file_status(AT_FDCWD, path, 0, status) == 0 &&
                   FileId(ipc::device_of(status), status.stx_ino) == file;
        };
        const bool named = is_there(sight.path);
        if (!locked_files.contains(file) || (!named && !is_there(held)))
            return false;
        ipc_object object;
        ipc_object_clear(&object);
        ipc::describe_file(status, object);
        const std::string kinds =
            kinds_of_locks(file) + (named ? "" : " on " + ipc::quoted_name(ipc::path_before_removal(sight.path)));
        object.name = named ? sight.path : held;
        object.flags |= status.stx_nlink ? 0u : std::uint32_t{IPC_OBJECT_REMOVED};
        describe_locks(file, kinds, object);
        emit(object);
        return true;
    }

    static Result<void> parties(const Emit<ipc_party> &emit)
    {
        ask_for_locks();
        if (!are_known)
            return Error::system("the locks cannot be listed, reading /proc/locks");
        bool wanted = true;
        for (const Entry &entry : locks) {
            if (entry.process <= 0) // of an open file: whoever has that open says so at its descriptor
                continue;
            char name[64];
            std::snprintf(name, sizeof name, "%02x:%02x:%" PRIu64, major(entry.device), minor(entry.device),
                          entry.inode);
            ipc_party party;
            ipc_party_clear(&party);
            party.role = entry.waits ? IPC_ROLE_WAITS_TO_LOCK : IPC_ROLE_HAS_LOCKED;
            party.identity = {0, entry.device, entry.inode, IPC_NO_TIME};
            party.process = entry.process;
            party.offset = entry.offset;
            party.name = name;
            wanted = wanted && emit(party);
        }
        return {};
    }
};

} // namespace

const ipc_inspect_v1 inspect = ipc::inspect_table<Inspection>();

} // namespace file_lock
