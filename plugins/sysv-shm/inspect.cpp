// SPDX-License-Identifier: MIT
#include "segments.hpp"

#include <ipc/fd.hpp>

#include <dirent.h>
#include <sys/mman.h>

#include <algorithm>
#include <memory>
#include <vector>

shminfo SegmentTotals::limits()
{
    shminfo limits = {};
    shmctl(0, IPC_INFO, reinterpret_cast<shmid_ds *>(&limits));
    return limits;
}

shm_info SegmentTotals::info()
{
    shm_info info = {};
    shmctl(0, SHM_INFO, reinterpret_cast<shmid_ds *>(&info));
    return info;
}

namespace {

using namespace ipc;

/// A segment with its name, which the object points to.
class Portrait {
public:
    Portrait(int id, const shmid_ds &record) : name_(record.shm_perm.__key, id)
    {
        ipc_object_clear(&object);
        const struct ipc_perm &permissions = record.shm_perm;
        object.name = name_.text();
        object.identity = sysv::identity<Segments>(id, record);
        object.flags = IPC_OBJECT_COUNTED | IPC_OBJECT_USERS;
        if (record.shm_cpid == 0 || (record.shm_lpid == 0 && (record.shm_atime != 0 || record.shm_dtime != 0)))
            object.flags |= IPC_OBJECT_UNSEEN;
        if (!was_left_by_creator(record))
            object.flags |= IPC_OBJECT_KEPT;
        if (permissions.mode & SHM_DEST)
            object.flags |= IPC_OBJECT_REMOVED;
        if (permissions.mode & SHM_LOCKED)
            object.flags |= IPC_OBJECT_LOCKED;
        object.capacity = record.shm_segsz;
        object.attached = record.shm_nattch;
        object.key = static_cast<std::uint32_t>(permissions.__key);
        object.mode = permissions.mode & 0777;
        object.owner = permissions.uid;
        object.group = permissions.gid;
        object.creator = static_cast<std::uint64_t>(record.shm_cpid);
        object.changed = sysv::nanoseconds(record.shm_ctime);
        object.last_in_time = sysv::nanoseconds(record.shm_atime);
        object.last_out_time = sysv::nanoseconds(record.shm_dtime);
        set_last_processes(record);
    }
    Portrait(const Portrait &) = delete;
    Portrait &operator=(const Portrait &) = delete;

    ipc_object object;

private:
    /// Did its creator use it for longer than it takes to make it, and nobody after him? One that is made to last ends
    /// with its making, and whoever comes later is somebody else. Memory::~Memory() sees to the times.
    static bool was_left_by_creator(const shmid_ds &record)
    {
        return record.shm_lpid == record.shm_cpid && record.shm_dtime > record.shm_ctime;
    }

    /// The kernel keeps one process for both: whichever attached or detached last.
    void set_last_processes(const shmid_ds &record)
    {
        if (record.shm_atime == 0)
            object.last_in = 0;
        else if (record.shm_atime > record.shm_dtime)
            object.last_in = sysv::last_process(record.shm_lpid, record.shm_atime);
        if (record.shm_dtime == 0)
            object.last_out = 0;
        else if (record.shm_dtime > record.shm_atime || record.shm_nattch == 0)
            object.last_out = sysv::last_process(record.shm_lpid, record.shm_dtime);
    }

    sysv::PrintedName name_;
};

/// One line of /proc/sysvipc/shm, the only place with these figures and the fall-back of older kernels for the rest.
struct Line {
    int id;
    shmid_ds record;
    std::uint64_t resident;
    std::uint64_t swapped;
};

std::optional<Line> parse_line(const char *text)
{
    Line line = {};
    unsigned mode, owner, group;
    unsigned long size, attached;
    unsigned long long resident, swapped;
    long long attach_time, detach_time, change_time;
    const int read =
        std::sscanf(text, "%d %d %o %lu %d %d %lu %u %u %*u %*u %lld %lld %lld %llu %llu", &line.record.shm_perm.__key,
                    &line.id, &mode, &size, &line.record.shm_cpid, &line.record.shm_lpid, &attached, &owner, &group,
                    &attach_time, &detach_time, &change_time, &resident, &swapped);
    if (read != 14)
        return std::nullopt;
    line.record.shm_perm.mode = static_cast<decltype(line.record.shm_perm.mode)>(mode);
    line.record.shm_perm.uid = owner;
    line.record.shm_perm.gid = group;
    line.record.shm_segsz = size;
    line.record.shm_nattch = attached;
    line.record.shm_atime = attach_time;
    line.record.shm_dtime = detach_time;
    line.record.shm_ctime = change_time;
    line.resident = resident;
    line.swapped = swapped;
    return line;
}

/// Hand lines to `take` until it answers false.
template <typename Take> Result<void> read_lines(Take &&take)
{
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen("/proc/sysvipc/shm", "re"), std::fclose);
    if (!file)
        return Error::system("reading /proc/sysvipc/shm");
    char text[512];
    while (std::fgets(text, sizeof text, file.get()))
        if (const std::optional<Line> line = parse_line(text); line && !take(*line))
            return {};
    if (std::ferror(file.get()))
        return Error::system("reading /proc/sysvipc/shm");
    return {};
}

std::optional<Line> line_of(int id)
{
    std::optional<Line> found;
    static_cast<void>(read_lines([&](const Line &line) {
        if (line.id == id)
            found = line;
        return !found;
    }));
    return found;
}

/// The sizes of huge pages that this kernel knows, smallest first, in bytes; learnt once.
const std::vector<std::uint64_t> &huge_page_sizes()
{
    static const std::vector<std::uint64_t> known = [] {
        std::vector<std::uint64_t> sizes;
        const std::unique_ptr<DIR, int (*)(DIR *)> pools(opendir("/sys/kernel/mm/hugepages"), closedir);
        while (const dirent *entry = pools ? readdir(pools.get()) : nullptr)
            if (unsigned long long kibibytes; std::sscanf(entry->d_name, "hugepages-%llukB", &kibibytes) == 1)
                sizes.push_back(kibibytes * 1024);
        std::sort(sizes.begin(), sizes.end());
        return sizes;
    }();
    return known;
}

/// Add resident and swapped memory. Of huge pages Linux (seen on 6.18) multiplies by the number of small pages in each,
/// although it has counted small pages already. More than the segment has room for gives these away.
void complete(ipc_object &object, const Line &line)
{
    const std::uint64_t page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    if (line.resident <= object.capacity + page - 1) {
        object.used = line.resident;
        object.swapped = line.swapped;
        return;
    }
    object.flags |= IPC_OBJECT_HUGE;
    object.swapped = 0; // they never are
    for (const std::uint64_t size : huge_page_sizes())
        if (const std::uint64_t resident = line.resident / (size / page); resident <= object.capacity + size - 1) {
            object.used = resident;
            object.page_size = size;
            return;
        }
}

Result<void> list_text(const Emit<ipc_object> &emit)
{
    return read_lines([&](const Line &line) {
        Portrait portrait(line.id, line.record);
        complete(portrait.object, line);
        return emit(portrait.object);
    });
}

std::uint64_t device_of_memory(unsigned flags)
{
    struct stat status = {};
    const Fd file(memfd_create("", MFD_CLOEXEC | flags));
    if (!file || fstat(file.get(), &status) != 0)
        return 0;
    return status.st_dev;
}

/// The kernel-internal file systems that segments live on: one for ordinary pages and one for each size of huge pages.
/// Anonymous files live there too, and tell which they are; learnt once.
class Devices {
public:
    bool contain(std::uint64_t device)
    {
        if (ordinary_ == 0)
            ordinary_ = device_of_memory(0);
        return device != 0 && (device == ordinary_ || is_huge(device));
    }

private:
    bool is_huge(std::uint64_t device)
    {
        if (!learnt_)
            for (unsigned i = 0; i < std::size(huge_); i++)
                huge_[i] = device_of_memory(MFD_HUGETLB | (first_shift + i) << MAP_HUGE_SHIFT);
        learnt_ = true;
        return std::find(std::begin(huge_), std::end(huge_), device) != std::end(huge_);
    }
    static constexpr unsigned first_shift = 16; // 64 KiB
    std::uint64_t ordinary_ = 0;
    std::uint64_t huge_[20] = {}; // to 32 GiB
    bool learnt_ = false;
};

constinit Devices devices;

/// "/SYSV0000051e (deleted)". Of an anonymous file the name begins otherwise, of a file the device is another.
bool is_segment_name(std::string_view path)
{
    constexpr std::string_view prefix = "/SYSV", suffix = " (deleted)";
    constexpr std::size_t digits = 8;
    return path.size() == prefix.size() + digits + suffix.size() && path.starts_with(prefix) &&
           path.ends_with(suffix) &&
           path.substr(prefix.size(), digits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        // The text tells resident and swapped memory too, and takes three times as long.
        constexpr int most_with_memory = 1000;
        shminfo limits;
        bool any = false;
        // Answers with the highest index in use, as SHM_INFO does, which sums up all segments' memory too.
        const int last = shmctl(0, IPC_INFO, reinterpret_cast<shmid_ds *>(&limits));
        if (last < most_with_memory)
            return list_text(emit);
        Result<void> whole;
        for (int index = 0; index <= last; index++) {
            shmid_ds record;
            const int id = shmctl(index, SHM_STAT_ANY, &record);
            if (id < 0 && whole)
                whole = sysv::expect_unused(errno);
            if (id < 0)
                continue;
            any = true;
            if (!emit(Portrait(id, record).object))
                break;
        }
        if (!any) // before Linux 4.17 there is no such command
            IPC_TRY(list_text(emit));
        return whole;
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        const int id = IPC_TRY(sysv::find<Segments>(address));
        const std::optional<Line> line = line_of(id);
        const Result<shmid_ds> record = sysv::examine<Segments>(id);
        if (!record && (record.error().code() != EACCES || !line))
            return record.error();
        Portrait portrait(id, record ? record.value() : line->record);
        if (line)
            complete(portrait.object, *line);
        emit(portrait.object);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        if (sight.kind != IPC_SIGHT_MAPPING || !is_segment_name(sight.path) ||
            sight.ipc_namespace != sysv::own_namespace() || !devices.contain(sight.device))
            return false;
        claim.role = IPC_ROLE_HOLDER;
        claim.identity = {.space = sight.ipc_namespace, .device = 0, .number = sight.inode, .birth = IPC_NO_TIME};
        claim.descriptor = -1;
        return true;
    }

    static Result<void> limits(const Emit<ipc_limit> &emit)
    {
        const shminfo limits = SegmentTotals::limits();
        const shm_info used = SegmentTotals::info();
        const std::uint64_t page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
        const auto bytes = [](std::uint64_t number, std::uint64_t unit) {
            return number > std::uint64_t{INT64_MAX} / unit ? IPC_UNKNOWN : number * unit; // the default is no limit
        };
        emit({sizeof(ipc_limit), IPC_UNIT_OBJECTS, "kernel.shmmni", "segments", limits.shmmni,
              static_cast<std::uint64_t>(used.used_ids)}) &&
            emit({sizeof(ipc_limit), IPC_UNIT_BYTES, "kernel.shmall", "memory of all segments",
                  bytes(limits.shmall, page), used.shm_tot * page}) &&
            emit({sizeof(ipc_limit), IPC_UNIT_BYTES, "kernel.shmmax", "memory of one segment", bytes(limits.shmmax, 1),
                  IPC_UNKNOWN});
        return {};
    }
};

} // namespace

constexpr ipc_inspect_v1 segment_inspection = ipc::inspect_table<Inspection>();
