// SPDX-License-Identifier: MIT
// posix-shm: what exists in /dev/shm and who holds it.
#include "posix_shm.hpp"

#include <ipc/large_message.hpp>
#include <ipc/quoted_name.hpp>
#include <ipc/shm_directory.hpp>

#include <sys/statvfs.h>

namespace {

using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::HeldFacts;
using ipc::HeldFile;
using ipc::PosixName;
using ipc::Result;

std::uint64_t own_namespace(const char *link)
{
    struct statx status;
    return ipc::file_status(AT_FDCWD, link, 0, status) == 0 ? status.stx_ino : 0;
}

/// The queue whose message it is, which can be looked up if it is one of this namespace and its address was not cut
/// off.
void name_queue(const ipc::LargeMessageHeader &header, ipc_object &object)
{
    if (header.state == ipc::LargeMessageState::free)
        return;
    object.part_of = header.queue;
    static const std::uint64_t here = own_namespace("/proc/self/ns/ipc");
    if (header.ipc_space == here && std::strlen(header.queue) + 1 < sizeof header.queue)
        object.whole = {header.queue_space, header.queue_device, header.queue_number, IPC_NO_TIME};
}

/// Add what the header of a large message says: who sent it, and into which queue. `detail` takes the words, `header`
/// what the object points to.
Result<void> describe_large_message(const char *path, ipc_object &object, char (&detail)[256],
                                    ipc::LargeMessageHeader &header)
{
    Fd file(::open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file)
        IPC_TRY(ipc::only_denied(errno));
    const ssize_t length = file ? ::pread(file.get(), &header, sizeof header, 0) : 0;
    if (length < 0)
        return Error::system("it cannot be read");
    if (length != ssize_t(sizeof header) || !ipc::is_large_message_header(header))
        return {};
    header.queue[sizeof header.queue - 1] = '\0';
    static const std::uint64_t here = own_namespace("/proc/self/ns/pid");
    if (header.sender > 0 && header.process_space == here)
        object.creator = std::uint64_t(header.sender);
    name_queue(header, object);
    std::snprintf(detail, sizeof detail, "%s %s",
                  header.state == ipc::LargeMessageState::free ? "for large messages of" : "a large message of",
                  ipc::quoted_name(header.queue).c_str());
    object.detail = detail;
    return {};
}

Result<bool> emit_entry(std::string_view leaf, const struct statx &status, const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    PosixName name(leaf);
    object.name = name.text();
    ipc::describe_file(status, object);
    char detail[256];
    ipc::LargeMessageHeader header;
    const Result<void> described = ipc::is_large_message_name(leaf)
                                       ? describe_large_message(ipc::ShmPath(name).text(), object, detail, header)
                                       : Result<void>();
    const bool more = emit(object);
    return described ? Result<bool>(more) : described.error();
}

/// The name of an object from its path in a mapping or descriptor that says it was deleted; empty if it says not.
std::string_view deleted_name(std::string_view path)
{
    std::string_view prefix = "/dev/shm/";
    if (!path.starts_with(prefix) || !path.ends_with(ipc::deleted_suffix))
        return {};
    path.remove_prefix(prefix.size());
    path.remove_suffix(ipc::deleted_suffix.size());
    return ipc::name_before_removal(path);
}

/// A segment without a name that lives on, under the name that reaches it; what it was called is the detail. With
/// `inode` only if it is that one.
Result<void> emit_removed(const HeldFile &held, std::optional<std::uint64_t> inode, const Emit<ipc_object> &emit)
{
    HeldFacts facts;
    ipc_object object;
    IPC_TRY(ipc::describe_held(held, posix_shm::expect_removed, facts, object));
    if (inode && *inode != facts.inode)
        return ipc::stale_error();
    object.flags |= IPC_OBJECT_REMOVED;
    HeldFile::Text name = held.name();
    object.name = name.text;
    PosixName before(deleted_name(facts.path));
    object.detail = before.text();
    emit(object);
    return {};
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        return ipc::each_shm_file([&](int, const char *leaf, const struct statx &status) -> Result<bool> {
            return ipc::is_no_segment(leaf, status.stx_size) ? true : emit_entry(leaf, status, emit);
        });
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        if (std::optional<HeldFile> held = HeldFile::parse(address.name))
            return emit_removed(*held, std::nullopt, emit);
        PosixName name(address.name);
        ipc::ShmPath path(name);
        struct statx status;
        int code = ipc::file_status(AT_FDCWD, path.text(), AT_SYMLINK_NOFOLLOW, status);
        if (code)
            return ipc::lookup_error(code);
        IPC_TRY(ipc::expect_regular(status.stx_mode));
        IPC_TRY(emit_entry(name.leaf(), status, emit));
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim) { return ipc::claim_shm_file(sight, claim); }

    static bool describe(const ipc_sight &sight, const Emit<ipc_object> &emit)
    {
        std::string_view leaf = deleted_name(sight.path);
        return !leaf.empty() && !leaf.starts_with("ipcring.") &&
               emit_removed(HeldFile::of(sight), sight.inode, emit).ok();
    }

    static Result<void> limits(const Emit<ipc_limit> &emit)
    {
        struct statvfs system;
        if (::statvfs(ipc::shm_directory, &system) != 0)
            return {};
        // A tmpfs mounted with size=0 has no limit, and says 0 blocks.
        std::uint64_t total = std::uint64_t(system.f_blocks) * system.f_frsize;
        std::uint64_t used = std::uint64_t(system.f_blocks - system.f_bfree) * system.f_frsize;
        emit({.size = sizeof(ipc_limit),
              .unit = IPC_UNIT_BYTES,
              .name = ipc::shm_directory,
              .meaning = "memory of POSIX shared memory",
              .limit = total ? total : IPC_UNKNOWN,
              .used = total ? used : IPC_UNKNOWN});
        return {};
    }
};

} // namespace

Result<void> posix_shm::expect_removed(const HeldFacts &facts)
{
    std::string_view leaf = deleted_name(facts.path);
    bool mine = facts.device == ipc::shm_device() && (!facts.has_status || S_ISREG(facts.status.stx_mode));
    if (mine && facts.has_status && facts.status.stx_nlink)
        return Error::of(EINVAL, "it has a name, by which it is reached (ipcls shows it)");
    const bool other = ipc::is_no_segment(leaf, facts.has_status ? std::optional(facts.status.stx_size) : std::nullopt);
    if (mine && !leaf.empty() && !other)
        return {};
    return Error::of(EINVAL, "that is %s and no removed segment (ipcls shows those that there are)",
                     mine && other      ? "a semaphore, a mutex or a ring"
                     : facts.has_status ? ipc::kind_of(facts)
                                        : "the mapping of something else");
}

const ipc_inspect_v1 posix_shm::inspect = ipc::inspect_table<Inspection>();
