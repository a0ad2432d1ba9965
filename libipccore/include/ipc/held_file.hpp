// SPDX-License-Identifier: MIT
// ipc/held_file.hpp - files that are reached by who holds them, because they never had a name or have none any more.
//
// "PID/FD" is what process PID has open as descriptor FD; "PID/START-END" what it has mapped there, in hexadecimal as
// /proc/PID/map_files has it. Looking never opens what turns out to be a FIFO or a device: the link of /proc is taken
// hold of first, examined, and opened only then. A mapping whose file this user may not open (that takes
// CAP_CHECKPOINT_RESTORE) is copied from and to the memory of its process instead, as far as the mapping reaches.
//
//     struct Memory : ipc::HeldSegment {
//         using HeldSegment::HeldSegment;
//         static Result<std::unique_ptr<Memory>> open(const ipc_address &address, std::uint32_t access)
//         {
//             if (auto held = ipc::HeldFile::parse(address.name))
//                 return ipc::open_held<Memory>(*held, access, populate, place, expect_mine);
//             …
//
// All of it works on the process that has that number now. Whoever ends and is followed by another of that number shows
// that one's files, which `accept` then judges.
#pragma once

#include <ipc/descriptor_segment.hpp>

#include <sys/ioctl.h>
#include <sys/uio.h>

#include <charconv>

namespace ipc {

/// Where a file is held. Passive: nothing says that it is there.
struct HeldFile {
    std::int64_t process = 0;
    std::int64_t descriptor = -1; // -1: it is mapped from `start` to `end`
    std::uint64_t start = 0;
    std::uint64_t end = 0;

    struct Text {
        char text[80];
    };

    bool is_mapping() const { return descriptor < 0; }

    /// "812/5" or "812/7f3a00000000-7f3a00001000"; nothing else.
    static std::optional<HeldFile> parse(std::string_view text)
    {
        std::size_t slash = text.find('/');
        if (slash == text.npos)
            return std::nullopt;
        return parse(text.substr(0, slash), text.substr(slash + 1));
    }

    /// "/proc/812/fd/5" or "/proc/812/map_files/7f3a00000000-7f3a00001000"; nothing else.
    static std::optional<HeldFile> parse_path(std::string_view path)
    {
        constexpr std::string_view proc = "/proc/", fd = "/fd/", map_files = "/map_files/";
        std::size_t slash = path.find('/', proc.size());
        if (!path.starts_with(proc) || slash == path.npos)
            return std::nullopt;
        std::string_view process = path.substr(proc.size(), slash - proc.size()), rest = path.substr(slash);
        bool mapping = rest.starts_with(map_files);
        if (!mapping && !rest.starts_with(fd))
            return std::nullopt;
        std::optional<HeldFile> held = parse(process, rest.substr(mapping ? map_files.size() : fd.size()));
        return held && held->is_mapping() == mapping ? held : std::nullopt;
    }

    /// What the host saw a process hold; not for calls.
    static HeldFile of(const ipc_sight &sight)
    {
        if (sight.kind == IPC_SIGHT_DESCRIPTOR)
            return {sight.process, sight.number, 0, 0};
        return {sight.process, -1, sight.start, sight.end};
    }

    /// The form that parse() reads.
    Text name() const { return written("%" PRId64 "/%" PRId64, "%" PRId64 "/%" PRIx64 "-%" PRIx64); }
    /// Its link below /proc.
    Text path() const
    {
        return written("/proc/%" PRId64 "/fd/%" PRId64, "/proc/%" PRId64 "/map_files/%" PRIx64 "-%" PRIx64);
    }

private:
    /// All of `text` as it would be written, without sign or leading zeros: every file has one name.
    template <typename Number> static bool read(std::string_view text, Number &number, int base)
    {
        auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), number, base);
        return code == std::errc{} && rest == text.data() + text.size() && text[0] != '-' &&
               (text[0] != '0' || text.size() == 1);
    }

    static std::optional<HeldFile> parse(std::string_view process, std::string_view place)
    {
        HeldFile held;
        constexpr std::int64_t largest = std::numeric_limits<int>::max();
        if (!read(process, held.process, 10) || held.process < 1 || held.process > largest)
            return std::nullopt;
        std::size_t hyphen = place.find('-');
        if (hyphen == place.npos) {
            if (!read(place, held.descriptor, 10) || held.descriptor > largest)
                return std::nullopt;
            return held;
        }
        if (place.find_first_of("ABCDEF") != place.npos || !read(place.substr(0, hyphen), held.start, 16) ||
            !read(place.substr(hyphen + 1), held.end, 16) || held.start >= held.end)
            return std::nullopt;
        return held;
    }

    Text written(const char *by_descriptor, const char *by_mapping) const
    {
        Text result;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        if (is_mapping())
            std::snprintf(result.text, sizeof result.text, by_mapping, process, start, end);
        else
            std::snprintf(result.text, sizeof result.text, by_descriptor, process, descriptor);
#pragma GCC diagnostic pop
        return result;
    }
};

/// What is known of a held file without opening it.
struct HeldFacts {
    std::uint64_t device = 0; // of a mapping of which nothing else may be known: as maps has it
    std::uint64_t inode = 0;
    bool has_status = false;
    struct statx status; // where has_status
    char path[PATH_MAX]; // as the kernel gives it: any byte but NUL, and often a lie
};

/// "a FIFO", "anon_inode:[eventfd]", for error texts.
inline const char *kind_of(const HeldFacts &facts)
{
    return std::string_view(facts.path).starts_with("anon_inode:") ? facts.path : kind_of(facts.status.stx_mode);
}

/// Why a held file could not be reached.
inline Error held_error(int code, const HeldFile &held)
{
    char directory[32];
    std::snprintf(directory, sizeof directory, "/proc/%" PRId64, held.process);
    struct stat process;
    if (::stat(directory, &process) != 0)
        return Error::of(ENOENT, "there is no process %" PRId64 " any more (ipcls shows what exists)", held.process);
    if (code == EACCES || code == EPERM)
        return Error::of(EACCES,
                         "process %" PRId64
                         " belongs to user %u, and this user may not look into it (run as that user, "
                         "or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, which root has)",
                         held.process, process.st_uid);
    if (code == ENOENT || code == ESRCH)
        return Error::of(ENOENT, "process %" PRId64 " has no such %s (ipcls shows what exists)", held.process,
                         held.is_mapping() ? "mapping of a file" : "descriptor");
    return Error::system("it cannot be looked at", code);
}

/// Take hold of the file, so that it stays the same one, without opening it: the descriptor is O_PATH.
inline Result<Fd> look_at_held(const HeldFile &held, HeldFacts &facts)
{
    Fd place(::open(held.path().text, O_PATH | O_CLOEXEC));
    if (!place)
        return held_error(errno, held);
    if (int code = file_status(place.get(), facts.status))
        return Error::system("its status cannot be read", code);
    facts.has_status = true;
    facts.device = device_of(facts.status);
    facts.inode = facts.status.stx_ino;
    char link[32];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", place.get());
    ssize_t length = ::readlink(link, facts.path, sizeof facts.path - 1);
    facts.path[length > 0 ? length : 0] = '\0';
    return place;
}

/// Open what look_at_held() took hold of, a regular file.
inline Result<Fd> open_looked_at(const Fd &place, const HeldFacts &facts, std::uint32_t access)
{
    char link[32];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", place.get());
    int flags = (access & IPC_WRITE ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    Fd file(::open(link, flags));
    if (!file)
        return opening_error(errno, facts.status);
    return file;
}

/// A shared mapping in another process, copied from and to by the kernel. It is the same file's before and after each
/// copy, or the copy is an error.
class HeldMapping {
public:
    /// How the process's list of mappings is asked: as the kernel knows to, or as all kernels do.
    enum class Source { automatic, text };

    /// EACCES if the process may not be looked into, or has it mapped for less than `access`.
    static Result<HeldMapping> open(const HeldFile &held, std::uint32_t access, HeldFacts &facts,
                                    Source source = Source::automatic)
    {
        char path[40];
        std::snprintf(path, sizeof path, "/proc/%" PRId64 "/maps", held.process);
        HeldMapping mapping(held, Fd(::open(path, O_RDONLY | O_CLOEXEC)), source);
        if (!mapping.maps_)
            return held_error(errno, held);
        if (!mapping.find(mapping.found_, facts.path))
            return held_error(ENOENT, held);
        if (!mapping.found_.shared)
            return Error::of(EINVAL, "that memory is private to process %" PRId64 " (ipcls shows what is shared)",
                             held.process);
        if (access & ~mapping.found_.access)
            return Error::of(EACCES,
                             "process %" PRId64 " has it mapped, but not for %s (run with "
                             "CAP_CHECKPOINT_RESTORE, which opens the file itself)",
                             held.process, access & ~mapping.found_.access & IPC_WRITE ? "writing" : "reading");
        facts.has_status = false;
        facts.device = mapping.found_.device;
        facts.inode = mapping.found_.inode;
        return mapping;
    }

    void status(ipc_segment_status &status) const
    {
        status.descriptor = -1;
        status.bytes = held_.end - held_.start;
        status.page_size = found_.page_size ? found_.page_size : std::uint64_t(::sysconf(_SC_PAGESIZE));
        status.identity = {0, found_.device, found_.inode, IPC_NO_TIME};
        status.name = nullptr;
    }

    Result<std::uint64_t> read(std::uint64_t offset, void *bytes, std::uint64_t length) const
    {
        return copy(::process_vm_readv, offset, bytes, length);
    }

    Result<std::uint64_t> write(std::uint64_t offset, const void *bytes, std::uint64_t length) const
    {
        return copy(::process_vm_writev, offset, const_cast<void *>(bytes), length);
    }

private:
    struct Found {
        std::uint64_t device = 0, inode = 0, page_size = 0;
        std::uint32_t access = 0;
        bool shared = false;
    };
    /// struct procmap_query of <linux/fs.h>, Linux 6.11.
    struct Query {
        std::uint64_t size, query_flags, query_address;
        std::uint64_t start, end, flags, page_size, offset, inode;
        std::uint32_t device_major, device_minor, name_size, build_id_size;
        std::uint64_t name_address, build_id_address;
    };

    HeldMapping(const HeldFile &held, Fd maps, Source source) : held_(held), maps_(std::move(maps)), source_(source) {}

    static std::uint32_t access_of(bool readable, bool writable)
    {
        return (readable ? std::uint32_t{IPC_READ} : 0) | (writable ? std::uint32_t{IPC_WRITE} : 0);
    }

    template <typename Call>
    Result<std::uint64_t> copy(Call call, std::uint64_t offset, void *bytes, std::uint64_t length) const
    {
        std::uint64_t size = held_.end - held_.start;
        if (offset >= size)
            return std::uint64_t{0};
        iovec here = {bytes, std::min(length, size - offset)};
        iovec there = {reinterpret_cast<void *>(held_.start + offset), here.iov_len};
        IPC_TRY(expect_same());
        ssize_t count = call(pid_t(held_.process), &here, 1, &there, 1, 0);
        int code = errno;
        IPC_TRY(expect_same());
        if (count < 0 && code == EFAULT) // behind the end of a file that is shorter than the mapping
            return std::uint64_t{0};
        if (count < 0)
            return held_error(code, held_);
        return std::uint64_t(count);
    }

    Result<void> expect_same() const
    {
        Found now;
        if (find(now, nullptr) && now.shared && now.device == found_.device && now.inode == found_.inode)
            return {};
        return Error::of(ESTALE,
                         "process %" PRId64 " has ended, or has something else mapped there by now (look again)",
                         held_.process);
    }

    /// The list was opened on the process's memory and shows nothing once that is gone: a successor of the same number
    /// is never taken for it. `path` may be NULL.
    bool find(Found &found, char *path) const
    {
        Query query = {};
        query.size = sizeof query;
        query.query_address = held_.start;
        query.name_address = reinterpret_cast<std::uintptr_t>(path);
        query.name_size = path ? PATH_MAX : 0;
        if (path)
            *path = '\0';
        if (source_ == Source::text)
            return find_in_text(found, path);
        if (::ioctl(maps_.get(), _IOWR('f', 17, Query), &query) != 0)
            return errno == ENOTTY && find_in_text(found, path);
        found = {makedev(query.device_major, query.device_minor), query.inode, query.page_size,
                 access_of(query.flags & 1, query.flags & 2), (query.flags & 8) != 0};
        return query.start == held_.start && query.end == held_.end;
    }

    bool find_in_text(Found &found, char *path) const
    {
        if (::lseek(maps_.get(), 0, SEEK_SET) != 0)
            return false;
        auto text = std::make_unique<char[]>(text_size);
        std::size_t used = 0;
        ssize_t length;
        while ((length = ::read(maps_.get(), text.get() + used, text_size - 1 - used)) > 0) {
            used += std::size_t(length);
            char *line = text.get(), *end = line + used;
            while (auto *newline = static_cast<char *>(std::memchr(line, '\n', std::size_t(end - line)))) {
                *newline = '\0';
                if (is_line(line, found, path))
                    return true;
                line = newline + 1;
            }
            used = std::size_t(end - line);
            std::memmove(text.get(), line, used);
        }
        return false;
    }

    /// "7f0c-7f0d rw-s 00000000 00:01 1310        /memfd:frame (deleted)"
    bool is_line(const char *line, Found &found, char *path) const
    {
        unsigned long long start, end, inode;
        unsigned major_number, minor_number;
        char access[5];
        int name = 0;
        if (std::sscanf(line, "%llx-%llx %4s %*x %x:%x %llu %n", &start, &end, access, &major_number, &minor_number,
                        &inode, &name) != 6 ||
            start != held_.start || end != held_.end)
            return false;
        found = {makedev(major_number, minor_number), inode, 0, access_of(access[0] == 'r', access[1] == 'w'),
                 access[3] == 's'};
        if (path)
            take_name(line + name, path);
        return true;
    }

    /// A newline is written as \\012 there.
    static void take_name(const char *text, char *path)
    {
        std::size_t length = 0;
        for (; *text && length < PATH_MAX - 1; length++) {
            bool newline = std::strncmp(text, "\\012", 4) == 0;
            path[length] = newline ? '\n' : *text;
            text += newline ? 4 : 1;
        }
        path[length] = '\0';
    }

    static constexpr std::size_t text_size = 64 * 1024;

    HeldFile held_;
    Fd maps_;
    Source source_;
    Found found_;
};

/// Fill in what is known of a held file that `accept` takes for one of the mechanism's. Where only the mapping may be
/// looked at, that is its identity, and there is no descriptor (O_PATH) to return.
inline Result<Fd> describe_held(const HeldFile &held, Result<void> (*accept)(const HeldFacts &), HeldFacts &facts,
                                ipc_object &object)
{
    ipc_object_clear(&object);
    Result<Fd> place = look_at_held(held, facts);
    bool denied = !place && place.error().code() == EACCES && held.is_mapping();
    if (denied)
        IPC_TRY(HeldMapping::open(held, 0, facts));
    else if (!place)
        return place.error();
    IPC_TRY(accept(facts));
    if (denied) {
        object.identity = {0, facts.device, facts.inode, IPC_NO_TIME};
        object.flags |= IPC_OBJECT_DENIED;
        return Fd();
    }
    describe_file(facts.status, object);
    if (!facts.status.stx_nlink)
        object.flags |= IPC_OBJECT_REMOVED;
    return place;
}

/// An open segment: a descriptor of one's own, or another process's mapping.
class HeldSegment : public DescriptorSegment {
public:
    using DescriptorSegment::DescriptorSegment;
    HeldSegment(HeldMapping mapping, std::uint32_t access)
        : DescriptorSegment(Fd(), access, false, ""), mapping_(std::move(mapping))
    {
    }

    Result<void> status(ipc_segment_status &status)
    {
        if (!mapping_)
            return DescriptorSegment::status(status);
        mapping_->status(status);
        return {};
    }

    Result<void> map(ipc_mapping &mapping)
    {
        return mapping_ ? another_process("mapped") : DescriptorSegment::map(mapping);
    }

    Result<void> resize(std::uint64_t bytes, Blocks blocks = Blocks::reserved)
    {
        return mapping_ ? another_process("given another size") : DescriptorSegment::resize(bytes, blocks);
    }

    Result<std::uint64_t> read(std::uint64_t offset, void *bytes, std::uint64_t length)
    {
        return mapping_ ? mapping_->read(offset, bytes, length) : Result<std::uint64_t>(not_by_copying());
    }

    Result<std::uint64_t> write(std::uint64_t offset, const void *bytes, std::uint64_t length)
    {
        return mapping_ ? mapping_->write(offset, bytes, length) : Result<std::uint64_t>(not_by_copying());
    }

private:
    static Error another_process(const char *what)
    {
        return Error::of(ENOTSUP,
                         "it is reached through another process's mapping, and cannot be %s (run with "
                         "CAP_CHECKPOINT_RESTORE, which opens the file itself)",
                         what);
    }
    static Error not_by_copying() { return Error::of(ENOTSUP, "it has a descriptor, by which it is read and written"); }

    std::optional<HeldMapping> mapping_;
};

/// Open a held file as a segment. `accept` says whether it is one of the mechanism, or what it is instead; it sees a
/// file that is not open yet. `Memory` is derived from HeldSegment.
template <typename Memory>
Result<std::unique_ptr<Memory>> open_held(const HeldFile &held, std::uint32_t access, bool populate, const char *place,
                                          Result<void> (*accept)(const HeldFacts &))
{
    HeldFacts facts;
    Result<Fd> look = look_at_held(held, facts);
    if (!look && look.error().code() == EACCES && held.is_mapping()) {
        HeldMapping mapping = IPC_TRY(HeldMapping::open(held, access, facts));
        IPC_TRY(accept(facts));
        return std::make_unique<Memory>(std::move(mapping), access);
    }
    if (!look)
        return look.error();
    IPC_TRY(accept(facts));
    Fd file = IPC_TRY(open_looked_at(*look, facts, access));
    return std::make_unique<Memory>(std::move(file), access, populate, place);
}

} // namespace ipc
