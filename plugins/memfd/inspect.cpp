// SPDX-License-Identifier: MIT
// Which memory of memfd_create(2) there is: what processes hold, as the host sees it.
#include "anonymous.hpp"
#include "seals.hpp"

namespace {

using ipc::Emit;
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

/// What is known without looking at the file is in `facts` before. False if it is no memfd by now.
Result<void> emit_held(const HeldFile &held, HeldFacts &facts, const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    HeldFile::Text name = held.name();
    object.name = name.text;
    int seals = 0;
    Result<ipc::Fd> place = ipc::look_at_held(held, facts);
    if (!place && !(held.is_mapping() && place.error().code() == EACCES && facts.inode))
        return place.error();
    IPC_TRY(anonymous::expect_memfd(facts));
    if (place) {
        ipc::describe_file(facts.status, object);
        struct statfs system;
        if (::fstatfs(place->get(), &system) == 0 && system.f_type == HUGETLBFS_MAGIC) {
            object.page_size = std::uint64_t(system.f_bsize);
            object.flags |= IPC_OBJECT_HUGE;
        }
        seals = seals_of(*place, facts);
    } else {
        object.identity = {0, facts.device, facts.inode, IPC_NO_TIME};
        object.flags |= IPC_OBJECT_DENIED;
    }
    char detail[PATH_MAX];
    anonymous::write_detail(detail, facts.path, anonymous::path_prefix, seals);
    object.detail = detail;
    emit(object);
    return {};
}

struct Named {
    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        std::optional<HeldFile> held = HeldFile::parse(address.name);
        if (!held)
            return anonymous::no_such_name();
        HeldFacts facts;
        if (held->is_mapping()) // in case that is all there is to know
            IPC_TRY(ipc::HeldMapping::open(*held, 0, facts));
        return emit_held(*held, facts, emit);
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
        HeldFacts facts;
        facts.device = sight.device;
        facts.inode = sight.inode;
        std::snprintf(facts.path, sizeof facts.path, "%s", sight.path);
        return emit_held(HeldFile::of(sight), facts, emit).ok() && facts.inode == sight.inode;
    }
};

} // namespace

void anonymous::write_detail(char (&text)[PATH_MAX], std::string_view path, std::string_view prefix, int present)
{
    path.remove_prefix(std::min(prefix.size(), path.size()));
    if (path.ends_with(ipc::deleted_suffix))
        path.remove_suffix(ipc::deleted_suffix.size());
    int length = std::snprintf(text, sizeof text, "%.*s%s", int(path.size()), path.data(), present ? ", sealed" : "");
    for (const Seal &seal : seals)
        if (present & seal.bit && length > 0 && std::size_t(length) < sizeof text)
            length += std::snprintf(text + length, sizeof text - std::size_t(length), " %.*s", int(seal.word.size()),
                                    seal.word.data());
}

const ipc_inspect_v1 anonymous::inspect = ipc::inspect_table<Inspection>();
const ipc_inspect_v1 anonymous::inspect_named = ipc::inspect_table<Named>();
