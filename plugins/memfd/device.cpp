// SPDX-License-Identifier: MIT
// Each time it is opened the device gives another area, so a descriptor of it must be copied, not opened again. It can
// be mapped, not written, and tells nothing by fstat(2): an area has no descriptor in the sense of ipc/plugin.h.
#include "device.hpp"

#include "anonymous.hpp"

#include <sys/syscall.h>

namespace {

using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::HeldFacts;
using ipc::HeldFile;
using ipc::Result;

constexpr const char *path = "/dev/ashmem";
/// What the kernel calls the memory behind it in mappings.
constexpr std::string_view path_prefix = "/dev/ashmem/";

// <linux/ashmem.h>, which newer headers have no more.
using Name = char[256];
constexpr unsigned long set_name = _IOW(0x77, 1, Name), get_name = _IOR(0x77, 2, Name),
                        set_size = _IOW(0x77, 3, std::size_t), get_size = _IO(0x77, 4);

/// The size of an area; nothing if the descriptor is of something else. ioctl(3) would cut it off at 31 bits.
std::optional<std::uint64_t> size_of(int area)
{
    long size = ::syscall(SYS_ioctl, area, get_size, 0);
    return size < 0 ? std::nullopt : std::optional(std::uint64_t(size));
}

/// What a process has open as the device.
Result<Fd> copy_descriptor(const HeldFile &held)
{
    HeldFacts facts;
    IPC_TRY(ipc::look_at_held(held, facts));
    if (!S_ISCHR(facts.status.stx_mode) || std::string_view(facts.path) != path)
        return Error::of(EINVAL, "that is %s and no ashmem (ipcls shows those that there are)", ipc::kind_of(facts));
    Fd process(static_cast<int>(::syscall(SYS_pidfd_open, held.process, 0)));
    Fd area(process ? static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), held.descriptor, 0)) : -1);
    if (!area)
        return ipc::held_error(errno, held);
    if (!size_of(area.get()))
        return Error::of(ENOENT, "that descriptor is another one by now (look again)");
    return area;
}

Result<void> expect_area(const HeldFacts &facts)
{
    if (std::string_view(facts.path).starts_with(path_prefix) && anonymous::is_device(facts.device))
        return {};
    return Error::of(EINVAL, "that is the mapping of something else and no ashmem (ipcls shows those that there are)");
}

/// An area by a descriptor of the device, or what HeldSegment reaches: the memory behind a mapping.
class Area : public ipc::HeldSegment {
public:
    static constexpr std::uint32_t features = IPC_SEGMENT_TRANSIENT;
    using HeldSegment::HeldSegment;
    Area(Fd area, std::uint32_t access)
        : HeldSegment(Fd(), access, false, anonymous::place), area_(std::move(area)), writable_(access & IPC_WRITE)
    {
    }
    Area(const Area &) = delete;
    Area &operator=(const Area &) = delete;
    ~Area()
    {
        if (start_)
            ::munmap(start_, length_);
    }

    static Result<std::unique_ptr<Area>> create(const ipc_address &address, std::uint64_t bytes,
                                                const ipc_ownership &ownership);
    static Result<std::unique_ptr<Area>> open(const ipc_address &address, std::uint32_t access);
    Result<void> status(ipc_segment_status &status);
    Result<void> map(ipc_mapping &mapping);

private:
    using HeldSegment::resize; // what has been mapped once keeps its size

    Fd area_;
    bool writable_ = false;
    HeldFile::Text name_ = {}; // where it was created
    void *start_ = nullptr;
    std::uint64_t length_ = 0;
};

Result<std::unique_ptr<Area>> Area::create(const ipc_address &address, std::uint64_t bytes,
                                           const ipc_ownership &ownership)
{
    if (bytes == 0)
        return Error::of(EINVAL, "a segment has at least 1 byte (give a size)");
    if (ownership.mode != 0600 || ownership.owner >= 0 || ownership.group >= 0)
        return Error::of(ENOTSUP, "ashmem has neither owner nor mode (leave them out)");
    IPC_TRY(ipc::check_memory_left(bytes));
    // Not close-on-exec: to be inherited is the only way in which it comes to another program.
    Fd area(::open(path, O_RDWR)); // NOLINT(android-cloexec-open)
    if (!area)
        return Error::system(path);
    Name name = {};
    std::snprintf(name, sizeof name, "%s", address.name);
    if (::ioctl(area.get(), set_name, name) != 0 || ::ioctl(area.get(), set_size, bytes) != 0)
        return Error::system("it cannot be created");
    auto memory = std::make_unique<Area>(std::move(area), IPC_READ | IPC_WRITE);
    memory->name_ = HeldFile{::getpid(), memory->area_.get(), 0, 0}.name();
    ipc_mapping mapping = {};
    IPC_TRY(memory->map(mapping));
    // There is no other way to reserve it.
    if (::madvise(mapping.address, mapping.length, MADV_POPULATE_WRITE) != 0 && errno != EINVAL)
        return Error::system("its memory cannot be reserved");
    return memory;
}

Result<std::unique_ptr<Area>> Area::open(const ipc_address &address, std::uint32_t access)
{
    std::optional<HeldFile> held = HeldFile::parse(address.name);
    if (!held)
        return anonymous::no_such_name();
    if (held->is_mapping())
        return ipc::open_held<Area>(*held, access, false, anonymous::place, expect_area);
    return std::make_unique<Area>(IPC_TRY(copy_descriptor(*held)), access);
}

Result<void> Area::status(ipc_segment_status &status)
{
    if (!area_)
        return HeldSegment::status(status);
    status.descriptor = -1;
    status.bytes = size_of(area_.get()).value_or(0);
    status.page_size = std::uint64_t(::sysconf(_SC_PAGESIZE));
    status.identity = {0, 0, 0, IPC_NO_TIME};
    status.name = name_.text[0] ? name_.text : nullptr;
    return {};
}

Result<void> Area::map(ipc_mapping &mapping)
{
    if (!area_)
        return HeldSegment::map(mapping);
    if (!start_) {
        std::uint64_t bytes = size_of(area_.get()).value_or(0);
        void *start =
            ::mmap(nullptr, bytes, writable_ ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, area_.get(), 0);
        if (start == MAP_FAILED && (errno == EPERM || errno == EACCES))
            return Error::of(EACCES, "who made it does not let it be mapped for %s", writable_ ? "writing" : "reading");
        if (start == MAP_FAILED)
            return ipc::mapping_error(errno, bytes);
        start_ = start;
        length_ = bytes;
    }
    mapping.address = start_;
    mapping.length = length_;
    return {};
}

struct Inspection {
    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        std::optional<HeldFile> held = HeldFile::parse(address.name);
        if (!held)
            return anonymous::no_such_name();
        if (held->is_mapping())
            return emit_mapped(*held, std::nullopt, emit);
        Fd area = IPC_TRY(copy_descriptor(*held));
        ipc_object object;
        ipc_object_clear(&object);
        Name name = {};
        if (::ioctl(area.get(), get_name, name) == 0)
            object.detail = name;
        object.name = address.name;
        object.capacity = size_of(area.get()).value_or(IPC_UNKNOWN);
        emit(object);
        return {};
    }

    /// All descriptors of the device look alike; what is mapped is told apart.
    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        if (sight.kind != IPC_SIGHT_MAPPING || !std::string_view(sight.path).starts_with(path_prefix) ||
            !anonymous::is_device(sight.device))
            return false;
        claim.role = IPC_ROLE_HOLDER;
        claim.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
        claim.descriptor = -1;
        return true;
    }

    static bool describe(const ipc_sight &sight, const Emit<ipc_object> &emit)
    {
        return emit_mapped(HeldFile::of(sight), sight.inode, emit).ok();
    }

private:
    static Result<void> emit_mapped(const HeldFile &held, std::optional<std::uint64_t> inode,
                                    const Emit<ipc_object> &emit)
    {
        HeldFacts facts;
        ipc_object object;
        IPC_TRY(ipc::describe_held(held, expect_area, facts, object));
        if (inode && *inode != facts.inode)
            return ipc::stale_error();
        object.flags &= ~std::uint32_t{IPC_OBJECT_REMOVED}; // it never had a name
        HeldFile::Text name = held.name();
        object.name = name.text;
        char detail[PATH_MAX];
        anonymous::write_detail(detail, facts.path, path_prefix, 0);
        object.detail = detail;
        emit(object);
        return {};
    }
};

} // namespace

bool device::exists()
{
    static const bool there = [] {
        struct stat status;
        return ::stat(path, &status) == 0 && S_ISCHR(status.st_mode);
    }();
    return there;
}

Result<void> device::check(const ipc_address &address)
{
    IPC_TRY(anonymous::check(address));
    for (const char *key : {"seal", "huge"})
        if (ipc::parameter(address, key))
            return Error::of(EINVAL, "this kernel's %s knows no ?%s (use memfd)", path, key);
    return {};
}

const ipc_segment_v1 device::segment = ipc::segment_table<Area>();
const ipc_inspect_v1 device::inspect = ipc::inspect_table<Inspection>();
