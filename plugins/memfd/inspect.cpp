// SPDX-License-Identifier: MIT
// Which memory of memfd_create(2) there is: what processes hold, as the host sees it.
#include "anonymous.hpp"
#include "seals.hpp"

#include <ipc/quoted_name.hpp>

#include <sys/syscall.h>

namespace {

using ipc::Emit;
using ipc::Fd;
using ipc::HeldFacts;
using ipc::HeldFile;
using ipc::Result;

/// The seals of what was looked at; 0 if this user may not open it.
int seals_of(const ipc::Fd &place, const HeldFacts &facts)
{
    Result<ipc::Fd> file = ipc::open_looked_at(place, facts, IPC_READ);
    int seals = file ? ::fcntl(file->get(), F_GET_SEALS) : -1;
    return seals < 0 ? 0 : seals;
}

void note_huge_pages(const ipc::Fd &place, ipc_object &object)
{
    struct statfs system;
    if (::fstatfs(place.get(), &system) != 0 || system.f_type != HUGETLBFS_MAGIC)
        return;
    object.page_size = std::uint64_t(system.f_bsize);
    object.flags |= IPC_OBJECT_HUGE;
}

/// The memfd that is held there; with `inode` only if it is that one.
Result<void> emit_held(const HeldFile &held, std::optional<std::uint64_t> inode, const Emit<ipc_object> &emit)
{
    HeldFacts facts;
    ipc_object object;
    ipc::Fd place = IPC_TRY(ipc::describe_held(held, anonymous::expect_memfd, facts, object));
    if (inode && *inode != facts.inode)
        return ipc::stale_error();
    object.flags &= ~IPC_OBJECT_REMOVED; // it never had a name
    if (place)
        note_huge_pages(place, object);
    HeldFile::Text name = held.name();
    object.name = name.text;
    char detail[PATH_MAX];
    anonymous::write_detail(detail, facts.path, anonymous::path_prefix, place ? seals_of(place, facts) : 0);
    object.detail = detail;
    emit(object);
    return {};
}

/// A process's descriptor itself, for as long as a look takes. Nothing is opened, so that not even a FIFO that stands
/// there by now would notice. pidfd_getfd(2), Linux 5.6; needs the right to trace the process.
Fd borrowed(std::int64_t process, std::int64_t number)
{
    constinit static std::int64_t last = 0;
    static Fd handle;
    if (process != last)
        handle = Fd(int(::syscall(SYS_pidfd_open, pid_t(process), 0)));
    last = process;
    return Fd(handle ? int(::syscall(SYS_pidfd_getfd, handle.get(), int(number), 0)) : -1);
}

/// The same of a descriptor that was just seen, with fewer calls where it can be borrowed.
bool emit_seen(const ipc_sight &sight, const Emit<ipc_object> &emit)
{
    Fd file = sight.kind == IPC_SIGHT_DESCRIPTOR ? borrowed(sight.process, sight.number) : Fd();
    struct statx status;
    int seals = file ? ::fcntl(file.get(), F_GET_SEALS) : -1;
    if (seals < 0 || ipc::file_status(file.get(), status) != 0 || status.stx_ino != sight.inode ||
        ipc::device_of(status) != sight.device)
        return false;
    ipc_object object;
    ipc_object_clear(&object);
    ipc::describe_file(status, object);
    if (status.stx_blksize > std::uint32_t(::sysconf(_SC_PAGESIZE))) {
        object.page_size = status.stx_blksize;
        object.flags |= IPC_OBJECT_HUGE;
    }
    HeldFile::Text name = HeldFile::of(sight).name();
    object.name = name.text;
    char detail[PATH_MAX];
    anonymous::write_detail(detail, sight.path, anonymous::path_prefix, seals);
    object.detail = detail;
    emit(object);
    return true;
}

struct Named {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES;

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        std::optional<HeldFile> held = HeldFile::parse(address.name);
        if (!held)
            return anonymous::no_such_name();
        return emit_held(*held, std::nullopt, emit);
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        if (sight.kind == IPC_SIGHT_CALL || (sight.kind == IPC_SIGHT_DESCRIPTOR && !S_ISREG(sight.mode)) ||
            !sight.inode || !anonymous::is_memfd(sight.path, sight.device))
            return false;
        claim.role = IPC_ROLE_HOLDER;
        claim.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
        claim.descriptor = -1;
        return true;
    }
};

struct Inspection : Named {
    /// By a descriptor if there is one, else by a mapping: that is less, and takes more rights to reach.
    static bool describe(const ipc_sight &sight, const Emit<ipc_object> &emit)
    {
        return emit_seen(sight, emit) || emit_held(HeldFile::of(sight), sight.inode, emit).ok();
    }
};

} // namespace

void anonymous::write_detail(char (&text)[PATH_MAX], std::string_view path, std::string_view prefix, int present)
{
    path.remove_prefix(std::min(prefix.size(), path.size()));
    if (path.ends_with(ipc::deleted_suffix))
        path.remove_suffix(ipc::deleted_suffix.size());
    int length = std::snprintf(text, sizeof text, "%s%s", path.empty() ? "" : ipc::quoted_name(path).c_str(),
                               present ? ", sealed" : "");
    for (const Seal &seal : seals)
        if (present & seal.bit && length > 0 && std::size_t(length) < sizeof text)
            length += std::snprintf(text + length, sizeof text - std::size_t(length), " %.*s", int(seal.word.size()),
                                    seal.word.data());
}

const ipc_inspect_v1 anonymous::inspect = ipc::inspect_table<Inspection>();
const ipc_inspect_v1 anonymous::inspect_named = ipc::inspect_table<Named>();
