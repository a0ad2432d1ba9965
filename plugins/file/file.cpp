// SPDX-License-Identifier: MIT
// file: a regular file as a segment, any path. It cannot enumerate; files that processes have mapped shared and for
// writing are found by their mappings.
#include <ipc/held_file.hpp>
#include <ipc/inspect.hpp>
#include <ipc/shm_directory.hpp>

namespace {

using ipc::Blocks;
using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::HeldFacts;
using ipc::HeldFile;
using ipc::Result;

constexpr const char *place = "its file system";

/// A mapping of which nothing else may be known is one of some file: the kernel says so.
Result<void> expect_file(const HeldFacts &facts)
{
    if (!facts.has_status || S_ISREG(facts.status.stx_mode))
        return {};
    return Error::of(EINVAL, "that is %s and no regular file", ipc::kind_of(facts));
}

class Memory : public ipc::HeldSegment {
public:
    using HeldSegment::HeldSegment;

    static Result<std::unique_ptr<Memory>> create(const ipc_address &address, std::uint64_t bytes,
                                                  const ipc_ownership &ownership)
    {
        ipc::FilePlace target = IPC_TRY(ipc::open_place(address.name));
        bool populate = ipc::parameter_is_set(address, "populate");
        auto memory = IPC_TRY(ipc::create_segment<Memory>(target.directory.get(), target.leaf, bytes, ownership,
                                                          populate, place, nullptr, blocks_of(address)));
        memory->directory_ = std::move(target.directory);
        memory->heed(address);
        return memory;
    }

    static Result<std::unique_ptr<Memory>> create_unnamed(const ipc_address &address, std::uint64_t bytes,
                                                          const ipc_ownership &ownership)
    {
        ipc::FilePlace target = IPC_TRY(ipc::open_place(address.name));
        Fd directory(::fcntl(target.directory.get(), F_DUPFD_CLOEXEC, 0));
        if (!directory)
            return Error::system("its directory cannot be opened");
        bool populate = ipc::parameter_is_set(address, "populate");
        auto memory = IPC_TRY(ipc::create_unnamed_segment<Memory>(std::move(directory), target.leaf, bytes, ownership,
                                                                  populate, place, blocks_of(address)));
        memory->directory_ = std::move(target.directory);
        memory->heed(address);
        return memory;
    }

    static Result<std::unique_ptr<Memory>> open(const ipc_address &address, std::uint32_t access)
    {
        bool populate = ipc::parameter_is_set(address, "populate");
        if (std::optional<HeldFile> held = HeldFile::parse_path(address.name))
            return ipc::open_held<Memory>(*held, access, populate, place, expect_file);
        Fd file = IPC_TRY(ipc::open_file(address.name, access, 0));
        auto memory = std::make_unique<Memory>(std::move(file), access, populate, place);
        memory->heed(address);
        return memory;
    }

    Result<void> resize(std::uint64_t bytes) { return HeldSegment::resize(bytes, blocks_); }

    /// With ?sync=1 what was written is on the disk when this returns, by the mapping or not; a new name too.
    Result<void> commit()
    {
        if (descriptor() < 0)
            return {};
        IPC_TRY(take_name());
        // Some file systems tell only at a close that what was written has no room.
        if (Fd same(::fcntl(descriptor(), F_DUPFD_CLOEXEC, 0)); !same || ::close(same.release()) != 0)
            return Error::system("what was written may be lost");
        if (!sync_)
            return {};
        if (::fdatasync(descriptor()) != 0)
            return Error::system("what was written may not be on the disk");
        if (!directory_)
            return {};
        Fd directory(::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!directory || (::fsync(directory.get()) != 0 && errno != EINVAL)) // which says there is nothing to do
            return Error::system("its name may not be on the disk");
        return {};
    }

private:
    static Blocks blocks_of(const ipc_address &address)
    {
        return ipc::parameter_is_set(address, "sparse") ? Blocks::sparse : Blocks::reserved;
    }
    void heed(const ipc_address &address)
    {
        blocks_ = blocks_of(address);
        sync_ = ipc::parameter_is_set(address, "sync");
    }

    Blocks blocks_ = Blocks::reserved;
    bool sync_ = false;
    Fd directory_; // of a file just made
};

constexpr ipc_parameter_info parameters[] = {
    {"populate", nullptr, "fault all pages in when it is created or mapped, not at the first touch of each"},
    {"sparse", nullptr, "reserve no blocks for what it gets at creation or by growing: holes until written"},
    {"sync", nullptr, "have what was written on the disk before the command ends"},
};

Result<void> check(const ipc_address &address)
{
    std::string_view path = address.name;
    if (path.empty())
        return Error::of(EINVAL, "a path is missing (write one like /var/tmp/table)");
    if (path.ends_with('/'))
        return Error::of(EINVAL, "the path ends in a slash and so means a directory (write one like /var/tmp/table)");
    if (path.size() >= PATH_MAX)
        return Error::of(EINVAL, "the path has %zu bytes (at most %d are allowed)", path.size(), PATH_MAX - 1);
    for (const ipc_parameter_info &parameter : parameters)
        IPC_TRY(ipc::check_switch(address, parameter.key));
    return {};
}

Result<void> remove(const ipc_address &address, const ipc::Removal &removal)
{
    ipc::FilePlace target = IPC_TRY(ipc::open_place(address.name));
    IPC_TRY(ipc::leave_to_its_mechanism(target.directory.get(), target.leaf, removal));
    return ipc::remove_file(target.directory.get(), target.leaf, removal);
}

/// st_dev of / and of /dev/shm (0 if that is no file system of its own), learned once.
struct Devices {
    std::uint64_t root = 0;
    std::uint64_t shm = 0;
};

std::uint64_t device_at(const char *path)
{
    struct statx status;
    return ipc::file_status(AT_FDCWD, path, 0, status) == 0 ? ipc::device_of(status) : 0;
}

const Devices &devices()
{
    static Devices known;
    if (!known.root) {
        known = {device_at("/"), device_at("/dev/shm")};
        if (known.shm == known.root)
            known.shm = 0;
    }
    return known;
}

/// Memory of POSIX is another mechanism's and listed there; who calls such a file by its path means its holders, too.
bool shm_is_meant = false;

/// Is this a path of a file that has, or had, a name? The kernel gives paths to other things too: memfd:, SYSV, queues,
/// huge pages, buffers of drivers. Those stand directly below / and are on another device than it. Names of a memfd may
/// have slashes of their own; anonymous shared memory calls itself /dev/zero.
bool is_path_of_file(std::string_view path, std::uint64_t device)
{
    if (!path.starts_with('/') || path.starts_with("/memfd:") || path == "/dev/zero (deleted)")
        return false;
    return path.find('/', 1) != path.npos || device == devices().root;
}

/// Emit the file of a writable mapping under its path; `status` may be NULL.
bool emit_mapped(const ipc_sight &sight, const struct statx *status, const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    object.name = sight.path;
    if (status)
        ipc::describe_file(*status, object);
    else
        object.flags = IPC_OBJECT_DENIED;
    // As the mapping has it: btrfs and overlay file systems show another device in stat(2).
    object.identity.device = sight.device;
    object.identity.number = sight.inode;
    emit(object);
    return true;
}

/// Does the process see the same mounts as this one, so that its paths mean the same?
bool has_our_mounts(std::int64_t process)
{
    char path[48];
    std::snprintf(path, sizeof path, "/proc/%" PRId64 "/ns/mnt", process);
    struct statx ours, theirs;
    return ipc::file_status(AT_FDCWD, "/proc/self/ns/mnt", 0, ours) == 0 &&
           ipc::file_status(AT_FDCWD, path, 0, theirs) == 0 && ours.stx_ino == theirs.stx_ino;
}

/// Emit what a process holds under the path in /proc that reaches it; what it was called is the detail. With `sight`
/// only if it is that file, and removed.
Result<void> emit_held(const HeldFile &held, const ipc_sight *sight, const Emit<ipc_object> &emit)
{
    HeldFacts facts;
    ipc_object object;
    IPC_TRY(ipc::describe_held(held, expect_file, facts, object));
    std::string_view known_as = facts.path;
    bool named = facts.has_status ? facts.status.stx_nlink != 0
                                  : !known_as.ends_with(ipc::deleted_suffix) || known_as.starts_with("/dev/");
    if (sight && (named || facts.inode != sight->inode))
        return ipc::stale_error();
    if (sight)
        object.identity.device = sight->device;
    if (!named)
        object.flags |= IPC_OBJECT_REMOVED;
    HeldFile::Text path = held.path();
    object.name = path.text;
    const std::string before = ipc::path_before_removal(facts.path);
    object.detail = before.c_str();
    emit(object);
    return {};
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES;

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        if (std::optional<HeldFile> held = HeldFile::parse_path(address.name))
            return emit_held(*held, nullptr, emit);
        struct statx status;
        if (int code = ipc::file_status(AT_FDCWD, address.name, 0, status))
            return ipc::lookup_error(code);
        IPC_TRY(ipc::expect_regular(status.stx_mode));
        ipc_object object;
        ipc_object_clear(&object);
        object.name = address.name;
        ipc::describe_file(status, object);
        shm_is_meant |= object.identity.device == devices().shm;
        emit(object);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        if (sight.kind == IPC_SIGHT_CALL || (sight.kind == IPC_SIGHT_DESCRIPTOR && !S_ISREG(sight.mode)) ||
            !sight.inode || (sight.device == devices().shm && !shm_is_meant) ||
            !is_path_of_file(sight.path, sight.device))
            return false;
        claim.role = IPC_ROLE_HOLDER;
        claim.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
        claim.descriptor = -1;
        return true;
    }

    /// Files that somebody shares by writing into their mapping; a file that is merely open is not listed. One that has
    /// no name any more is better reached by a descriptor, if there is one.
    static bool describe(const ipc_sight &sight, const Emit<ipc_object> &emit)
    {
        bool mapping = sight.kind == IPC_SIGHT_MAPPING && (sight.access & IPC_WRITE);
        if ((!mapping && !sight.described) || sight.device == devices().shm)
            return false;
        struct statx status;
        if (mapping && ipc::file_status(AT_FDCWD, sight.path, AT_SYMLINK_NOFOLLOW, status) == 0) {
            // Some file systems show one device in mappings and another one here, but the same inode.
            bool ours = has_our_mounts(sight.process);
            bool same = status.stx_ino == sight.inode && (ours || ipc::device_of(status) == sight.device);
            if (same || ours)
                return S_ISREG(status.stx_mode) && emit_mapped(sight, same ? &status : nullptr, emit);
        }
        // A path of other mounts would mean another file here, or none.
        return std::string_view(sight.path).ends_with(ipc::deleted_suffix) &&
               emit_held(HeldFile::of(sight), &sight, emit).ok();
    }
};

constexpr ipc_segment_v1 segment = ipc::segment_table<Memory>();
constexpr ipc_inspect_v1 inspect = ipc::inspect_table<Inspection>();

const void *capability(const char *name)
{
    std::string_view wanted = name;
    if (wanted == IPC_SEGMENT_1)
        return &segment;
    return wanted == IPC_INSPECT_1 ? &inspect : nullptr;
}

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "file",
    .summary = "memory-mapped files",
    .version = "1.0",
    .parameters = parameters,
    .parameter_count = std::size(parameters),
    .flags = IPC_PLUGIN_PATHS,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = ipc::remove_always<remove>,
    .remove_unused = ipc::remove_unused<remove>,
};

} // namespace

IPC_PLUGIN(plugin)
