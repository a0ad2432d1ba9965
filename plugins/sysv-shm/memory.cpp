// SPDX-License-Identifier: MIT
#include "segments.hpp"

#include <ipc/huge_pages.hpp>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

namespace {

using namespace ipc;
using sysv::Name;

std::uint64_t base_page_size() { return static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)); }

Error no_memory(std::uint64_t bytes)
{
    struct sysinfo machine;
    if (sysinfo(&machine) != 0)
        return Error::of(ENOMEM, "the system does not promise this much memory (ask for less)");
    const std::uint64_t there = (std::uint64_t{machine.totalram} + machine.totalswap) * machine.mem_unit;
    return Error::of(
        ENOMEM,
        "the system does not promise %llu bytes, it has %llu of memory and swap (ask for less, add swap or "
        "see vm.overcommit_memory)",
        static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(there));
}

/// ENOSPC: either too many segments or too many pages.
Error limit_reached(std::uint64_t bytes)
{
    const shminfo limits = SegmentTotals::limits();
    const shm_info used = SegmentTotals::info();
    if (static_cast<unsigned long>(used.used_ids) >= limits.shmmni)
        return Error::of(ENOSPC, "kernel.shmmni allows %lu segments, %d exist, %d are needed (remove some or raise it)",
                         limits.shmmni, used.used_ids, used.used_ids + 1);
    const std::uint64_t page = base_page_size(), pages = bytes / page + (bytes % page != 0);
    return Error::of(
        ENOSPC,
        "kernel.shmall allows %lu pages of %llu bytes in all segments, %lu are in use, %llu more are needed "
        "(remove some or raise it)",
        limits.shmall, static_cast<unsigned long long>(page), used.shm_tot, static_cast<unsigned long long>(pages));
}

Error size_refused(std::uint64_t bytes, std::uint64_t huge)
{
    const shminfo limits = SegmentTotals::limits();
    if (bytes > limits.shmmax)
        return Error::of(EINVAL, "kernel.shmmax allows %lu bytes in one segment, %llu are needed (raise it)",
                         limits.shmmax, static_cast<unsigned long long>(bytes));
    if (huge)
        return no_such_huge_pages(huge);
    return Error::of(EINVAL, "the kernel refuses a segment of %llu bytes (ask for less)",
                     static_cast<unsigned long long>(bytes));
}

Error creation_refused(int code, const Name &name, std::uint64_t bytes, std::uint64_t huge)
{
    switch (code) {
    case EEXIST:
        return sysv::exists<Segments>(name);
    case ENOSPC:
        return limit_reached(bytes);
    case EINVAL:
        return size_refused(bytes, huge);
    case ENOMEM:
        return huge ? too_few_huge_pages(bytes, huge) : no_memory(bytes);
    case EPERM:
        return Error::of(EPERM, "huge pages are not permitted (run with CAP_IPC_LOCK, or put your group into "
                                "vm.hugetlb_shm_group)");
    default:
        return Error::system("creating it", code);
    }
}

Error lock_refused(int code, std::uint64_t bytes)
{
    rlimit limit = {};
    if ((code != EPERM && code != ENOMEM) || getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return Error::system("locking it into memory", code);
    return Error::of(
        code,
        "RLIMIT_MEMLOCK allows %llu bytes of locked memory for all that this user locks, %llu more are needed "
        "(raise it with ulimit -l, or run with CAP_IPC_LOCK)",
        static_cast<unsigned long long>(limit.rlim_cur), static_cast<unsigned long long>(bytes));
}

/// The page size of the mapping that begins at `start`. Huge pages show in no record of the segment: only an aligned
/// address hints at them, and then the kernel's list of this process's mappings knows.
std::uint64_t mapped_page_size(const void *start)
{
    const std::uint64_t page = base_page_size();
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(start);
    if (address % (16 * page) != 0)
        return page;
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> list(std::fopen("/proc/self/smaps", "re"), std::fclose);
    char line[512];
    bool found = false;
    while (list && std::fgets(line, sizeof line, list.get())) {
        unsigned long first = 0;
        unsigned long long kibibytes = 0;
        char dash = 0;
        if (std::sscanf(line, "%lx%c", &first, &dash) == 2 && dash == '-')
            found = first == address;
        else if (found && std::sscanf(line, "KernelPageSize: %llu kB", &kibibytes) == 1)
            return kibibytes * 1024;
    }
    return page;
}

/// One store per page, where the kernel (before 5.14) has no call for it.
void touch(std::byte *memory, std::uint64_t bytes, std::uint64_t page, bool write)
{
    for (std::uint64_t offset = 0; offset < bytes; offset += page) {
        volatile std::byte *byte = memory + offset;
        const std::byte value = *byte;
        if (write)
            *byte = value;
    }
}

/// An attachment is made by map() alone, so that opening and looking leave no trace in the segment's record.
class Memory {
public:
    static Result<std::unique_ptr<Memory>> create(const ipc_address &address, std::uint64_t bytes,
                                                  const ipc_ownership &ownership);
    static Result<std::unique_ptr<Memory>> open(const ipc_address &address, std::uint32_t access);
    ~Memory()
    {
        if (start_)
            shmdt(start_);
        if (start_ && is_new_)
            finish_making();
    }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;

    Result<void> status(ipc_segment_status &status);
    Result<void> map(ipc_mapping &mapping);

private:
    Memory(int id, bool writable, bool populate, std::uint64_t page_size)
        : id_(id), writable_(writable), populate_(populate), page_size_(page_size)
    {
    }
    Result<void> attach();
    Result<void> populate();
    Result<void> expect_as_wanted(const ipc_address &address, const shmid_ds &record);
    Result<void> own(const ipc_ownership &ownership);
    void finish_making() const;

    int id_;
    sysv::KeylessName own_name_;
    bool writable_;
    bool populate_;
    std::uint64_t page_size_;
    void *start_ = nullptr;
    std::uint64_t length_ = 0;
    bool is_new_ = false;
};

Result<std::unique_ptr<Memory>> Memory::create(const ipc_address &address, std::uint64_t bytes,
                                               const ipc_ownership &ownership)
{
    const Name name = IPC_TRY(sysv::parse(address));
    const key_t key = IPC_TRY(sysv::creation_key<Segments>(name));
    const std::uint64_t huge = wanted_huge_page_size(address);
    if (bytes == 0)
        return Error::of(EINVAL, "a segment of 0 bytes cannot be (give it 1 byte or more)");

    const int pages = huge ? SHM_HUGETLB | static_cast<int>(huge_page_flag(huge)) : 0;
    const int id = shmget(key, bytes, IPC_CREAT | IPC_EXCL | 0600 | pages);
    if (id < 0)
        return creation_refused(errno, name, bytes, huge);
    sysv::Unfinished<Segments> unfinished(id);

    std::unique_ptr<Memory> memory(
        new Memory(id, true, parameter_is_set(address, "populate"), huge ? huge : base_page_size()));
    if (parameter_is_set(address, "lock") && shmctl(id, SHM_LOCK, nullptr) != 0)
        return lock_refused(errno, bytes);
    // The mode may forbid its maker to attach later.
    if (memory->populate_ || (ownership.mode & 0600) != 0600)
        IPC_TRY(memory->attach());
    IPC_TRY(memory->own(ownership));
    unfinished.finish();
    memory->is_new_ = true;
    sysv::warn_of_file_key(name, key);
    return memory;
}

/// The last change is that it was made, whatever was written meanwhile: nobody has used it yet.
void Memory::finish_making() const
{
    Result<shmid_ds> record = sysv::examine<Segments>(id_);
    if (record)
        shmctl(id_, IPC_SET, &record.value());
}

Result<void> Memory::own(const ipc_ownership &ownership)
{
    if ((ownership.mode & 0777) == 0600 && ownership.owner < 0 && ownership.group < 0)
        return {};
    shmid_ds record;
    if (shmctl(id_, IPC_STAT, &record) != 0)
        return Error::system("reading its owner");
    IPC_TRY(sysv::set_ownership(record.shm_perm, ownership));
    if (shmctl(id_, IPC_SET, &record) != 0)
        return Error::system("setting its owner and mode");
    return {};
}

Result<std::unique_ptr<Memory>> Memory::open(const ipc_address &address, std::uint32_t access)
{
    const bool writable = access & IPC_WRITE; // the kernel attaches for reading, or for both
    const int id = IPC_TRY(sysv::find<Segments>(address, writable ? 0600 : 0400));
    // What an identifier names was not asked for yet.
    shmid_ds record;
    if (shmctl(id, IPC_STAT, &record) != 0) {
        const int code = errno;
        static_cast<void>(IPC_TRY(sysv::examine<Segments>(id)));
        return sysv::denied<Segments>(code, "reading it", id);
    }
    std::unique_ptr<Memory> memory(new Memory(id, writable, parameter_is_set(address, "populate"), base_page_size()));
    IPC_TRY(memory->expect_as_wanted(address, record));
    return memory;
}

/// What its maker chose is there for good.
Result<void> Memory::expect_as_wanted(const ipc_address &address, const shmid_ds &record)
{
    if (parameter_is_set(address, "lock") && !(record.shm_perm.mode & SHM_LOCKED))
        return Error::of(EINVAL, "it is not locked into memory (remove it, or leave ?lock out)");
    const std::uint64_t huge = wanted_huge_page_size(address);
    if (huge)
        IPC_TRY(attach()); // which tells the size of its pages
    if (huge && page_size_ != huge)
        return Error::of(EINVAL, "its pages have %llu bytes, not the %llu wanted (remove it, or leave ?huge out)",
                         static_cast<unsigned long long>(page_size_), static_cast<unsigned long long>(huge));
    return {};
}

Result<void> Memory::status(ipc_segment_status &status)
{
    const shmid_ds record = IPC_TRY(sysv::examine<Segments>(id_));
    status.descriptor = -1;
    status.bytes = record.shm_segsz;
    status.page_size = page_size_;
    status.identity = sysv::identity<Segments>(id_, record);
    status.name = own_name_.of(record.shm_perm.__key, id_);
    return {};
}

Result<void> Memory::map(ipc_mapping &mapping)
{
    if (!start_)
        IPC_TRY(attach());
    mapping.address = start_;
    mapping.length = length_;
    return {};
}

Result<void> Memory::attach()
{
    const shmid_ds record = IPC_TRY(sysv::examine<Segments>(id_));
    void *start = shmat(id_, nullptr, writable_ ? 0 : SHM_RDONLY);
    if (start == reinterpret_cast<void *>(-1)) {
        if (errno == EACCES)
            return sysv::denied<Segments>(EACCES, writable_ ? "writing it" : "reading it", id_);
        if (errno == EINVAL || errno == EIDRM)
            return Error::of(ENOENT, "the segment was removed meanwhile");
        return errno == ENOMEM ? mapping_error(ENOMEM, record.shm_segsz) : Error::system("attaching it");
    }
    start_ = start;
    length_ = record.shm_segsz;
    page_size_ = mapped_page_size(start);
    return populate_ ? populate() : Result<void>();
}

Result<void> Memory::populate()
{
    if (madvise(start_, length_, writable_ ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) == 0)
        return {};
    if (errno != EINVAL)
        return Error::system("populating its memory");
    touch(static_cast<std::byte *>(start_), length_, page_size_, writable_);
    return {};
}

constexpr ipc_segment_v1 segment = segment_table<Memory>();

const void *capability(const char *name)
{
    const std::string_view wanted = name;
    if (wanted == IPC_SEGMENT_1)
        return &segment;
    if (wanted == IPC_INSPECT_1)
        return &segment_inspection;
    return nullptr;
}

Result<void> check(const ipc_address &address)
{
    IPC_TRY(sysv::check_name(address));
    IPC_TRY(check_switch(address, "lock"));
    IPC_TRY(check_switch(address, "populate"));
    return check_huge_page_size(address);
}

constexpr ipc_parameter_info parameters[] = {
    {"huge", "SIZE", "create it of huge pages of this size, 2M or 1G"},
    {"lock", nullptr, "create it locked into memory"},
    {"populate", nullptr, "have all its memory at hand before it is used"},
};

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "sysv-shm",
    .summary = "System V shared memory",
    .version = "1.0",
    .parameters = parameters,
    .parameter_count = std::size(parameters),
    .flags = 0,
    .init = keep_host,
    .capability = capability,
    .check = guard<check>,
    .remove = guard<sysv::remove<Segments>>,
    .remove_unused = nullptr,
};

} // namespace

IPC_PLUGIN(plugin)
