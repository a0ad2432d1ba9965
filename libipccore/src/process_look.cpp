// SPDX-License-Identifier: MIT
#include "process_look.hpp"

#include "directory.hpp"
#include "error.hpp"
#include "process.hpp"

#include <ipc/process_end.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace ipc {

/// struct procmap_query of <linux/fs.h>, which Debian 12's headers do not have yet.
struct MappingQuery {
    std::uint64_t size, query_flags, query_address;
    std::uint64_t start, end, flags, page_size, offset, inode;
    std::uint32_t device_major, device_minor, name_size, build_id_size;
    std::uint64_t name_address, build_id_address;
};
static_assert(sizeof(MappingQuery) == 104);

namespace {

constexpr unsigned long mapping_query = _IOWR('f', 17, MappingQuery);
enum : std::uint64_t { vma_readable = 1, vma_writable = 2, vma_shared = 8, covering_or_next = 16, file_backed = 32 };

template <typename Number> bool take_number(const char *&at, const char *end, Number &number, int base)
{
    const auto [rest, code] = std::from_chars(at, end, number, base);
    at = rest;
    return code == std::errc{};
}

bool take_letter(const char *&at, const char *end, char letter)
{
    if (at == end || *at != letter)
        return false;
    at++;
    return true;
}

/// Could it not be opened because this user may not, and not because it has gone?
bool is_denied(int code) { return code == EACCES || code == EPERM; }

/// Is it the machine that could not answer? A process that ends, and a file of it on a server that is away, are not.
bool is_failure(int code) { return code == EMFILE || code == ENFILE || code == ENOMEM || code == EIO; }

bool query_is_known(int maps)
{
    MappingQuery query = {};
    query.size = sizeof query;
    query.query_flags = covering_or_next;
    return ioctl(maps, mapping_query, &query) == 0 || errno != ENOTTY;
}

std::uint32_t access_of(bool readable, bool writable)
{
    return (readable ? std::uint32_t{IPC_READ} : 0) | (writable ? std::uint32_t{IPC_WRITE} : 0);
}

constexpr std::uint32_t any_file =
    IPC_CLAIMS_REGULAR_FILES | IPC_CLAIMS_FIFOS | IPC_CLAIMS_SOCKETS | IPC_CLAIMS_OTHER_FILES;

std::uint32_t kind_of_file(std::uint32_t mode)
{
    return S_ISREG(mode)    ? IPC_CLAIMS_REGULAR_FILES
           : S_ISFIFO(mode) ? IPC_CLAIMS_FIFOS
           : S_ISSOCK(mode) ? IPC_CLAIMS_SOCKETS
                            : IPC_CLAIMS_OTHER_FILES;
}

/// Of pipe(2)'s own, those without a name.
dev_t device_of_pipes()
{
    static const dev_t device = [] {
        int ends[2];
        struct stat status = {};
        if (pipe2(ends, O_CLOEXEC) != 0)
            return status.st_dev;
        const Fd first(ends[0]), second(ends[1]);
        fstat(first.get(), &status);
        return status.st_dev;
    }();
    return device;
}

bool is_pipe_without_name(const struct statx &file)
{
    return S_ISFIFO(file.stx_mode) && makedev(file.stx_dev_major, file.stx_dev_minor) == device_of_pipes();
}

} // namespace

void ProcessLook::visit(const char *name)
{
    path_.enter(name);
    sight_ = {};
    sight_.size = sizeof sight_;
    sight_.process = std::strtoll(name, nullptr, 10);
    namespace_known_ = false;
    denied_ = failed_ = false;
    shares_memory_ = false;
    if (!look_at_what_it_has() && enter_living_thread(name)) {
        look_at_what_it_has();
        path_.enter(name);
    }
    if ((pass_.wanted & IPC_CLAIMS_CALLS) || (pass_.calls_beside_mappings && shares_memory_))
        look_at_calls();
    count();
}

/// False if it has nothing at all, neither memory nor a descriptor.
bool ProcessLook::look_at_what_it_has()
{
    bool has = false;
    if (pass_.wanted & IPC_CLAIMS_MAPPINGS)
        has |= look_at_mappings();
    shares_memory_ |= sight_.end != 0;
    if (pass_.wanted & any_file)
        has |= look_at_descriptors();
    return has;
}

/// The first thread may end before the others, and shows nothing then of what they have. From here on the path is that
/// of one which does.
bool ProcessLook::enter_living_thread(const char *process)
{
    struct stat status;
    constexpr nlink_t links_of_one = 3;
    if (fstatat(proc_, path_("task"), &status, 0) != 0 || status.st_nlink <= links_of_one)
        return false;
    const Fd threads = open_part(path_("task"), O_DIRECTORY);
    bool found = false;
    if (threads)
        take_failure(for_each_entry(threads.get(), [&](const char *thread) {
            char executable;
            if (found || readlinkat(proc_, path_("task", thread, "/exe"), &executable, 1) < 0)
                return;
            path_.enter(fmt::format("{}/task/{}", process, thread).c_str());
            found = true;
        }));
    return found;
}

void ProcessLook::count()
{
    if (denied_) {
        const std::optional<Process> process = find_process(sight_.process);
        // With hidepid not even that may be read of one that lives.
        if (process ? process->without_memory : has_ended(sight_.process))
            return;
    }
    result_.processes++;
    result_.hidden += denied_;
    result_.failed += failed_;
}

void ProcessLook::take_failure(int code)
{
    if (!is_failure(code))
        return;
    failed_ = true;
    result_.failure = code;
}

Fd ProcessLook::open_part(const char *path, int flags)
{
    Fd part(openat(proc_, path, O_RDONLY | O_CLOEXEC | flags));
    if (!part && is_denied(errno))
        denied_ = true;
    if (!part)
        take_failure(errno);
    return part;
}

void ProcessLook::tell()
{
    if (!namespace_known_) {
        struct stat status;
        sight_.ipc_namespace = fstatat(proc_, path_("ns/ipc"), &status, 0) == 0 ? status.st_ino : 0;
        namespace_known_ = true;
    }
    see_(sight_);
}

/// Has it any memory, as far as may be seen?
bool ProcessLook::look_at_mappings()
{
    sight_.kind = IPC_SIGHT_MAPPING;
    const Fd maps = open_part(path_("maps"));
    if (!maps)
        return denied_ || failed_;
    return by_query_ ? query_mappings(maps.get()) : read_mappings(maps.get());
}

bool ProcessLook::query_mappings(int maps)
{
    MappingQuery query = {};
    query.size = sizeof query;
    query.query_flags = vma_shared | file_backed | covering_or_next;
    for (;;) {
        query.name_address = reinterpret_cast<std::uintptr_t>(name_);
        query.name_size = sizeof name_;
        if (ioctl(maps, mapping_query, &query) != 0) {
            if (errno != ENAMETOOLONG)
                return end_of_query(errno);
            query.name_address = query.name_size = 0;
            if (ioctl(maps, mapping_query, &query) != 0)
                return end_of_query(errno);
        }
        if (query.name_size == 0)
            name_[0] = '\0';
        tell_mapping(query);
        query.query_address = query.end;
    }
}

/// Behind the last mapping the kernel says ENOENT. False if the process has no memory.
bool ProcessLook::end_of_query(int code)
{
    take_failure(code);
    return code != ESRCH;
}

void ProcessLook::tell_mapping(const MappingQuery &query)
{
    sight_.access = access_of(query.flags & vma_readable, query.flags & vma_writable);
    sight_.device = makedev(query.device_major, query.device_minor);
    sight_.inode = query.inode;
    sight_.path = name_;
    sight_.offset = query.offset;
    sight_.start = query.start;
    sight_.end = query.end;
    sight_.page_size = query.page_size;
    tell();
}

bool ProcessLook::read_mappings(int maps)
{
    if (!text_)
        text_ = std::make_unique<char[]>(text_size);
    std::size_t used = 0;
    bool has_any = false;
    ssize_t length;
    while ((length = read(maps, text_.get() + used, text_size - used)) > 0) {
        has_any = true;
        used += static_cast<std::size_t>(length);
        const char *line = text_.get();
        const char *end = line + used;
        while (const void *newline = std::memchr(line, '\n', static_cast<std::size_t>(end - line))) {
            tell_line(line, static_cast<const char *>(newline));
            line = static_cast<const char *>(newline) + 1;
        }
        used = static_cast<std::size_t>(end - line);
        std::memmove(text_.get(), line, used);
    }
    if (length < 0)
        take_failure(errno);
    return has_any;
}

/// "7f0c-7f0d rw-s 00000000 00:01 1310        /SYSV0000051e (deleted)". Most lines are of private mappings and are
/// left at once.
void ProcessLook::tell_line(const char *at, const char *end)
{
    std::uint32_t device_major, device_minor;
    if (!take_number(at, end, sight_.start, 16) || !take_letter(at, end, '-') ||
        !take_number(at, end, sight_.end, 16) || end - at < 6 || at[4] != 's')
        return;
    sight_.access = access_of(at[1] == 'r', at[2] == 'w');
    at += 6;
    if (!take_number(at, end, sight_.offset, 16) || !take_letter(at, end, ' ') ||
        !take_number(at, end, device_major, 16) || !take_letter(at, end, ':') ||
        !take_number(at, end, device_minor, 16) || !take_letter(at, end, ' ') ||
        !take_number(at, end, sight_.inode, 10))
        return;
    while (at != end && *at == ' ')
        at++;
    const std::string name = unescaped_mapping_name({at, static_cast<std::size_t>(end - at)});
    sight_.path = name.c_str();
    sight_.device = makedev(device_major, device_minor);
    tell();
}

/// Has it any descriptor, as far as may be seen?
bool ProcessLook::look_at_descriptors()
{
    sight_.kind = IPC_SIGHT_DESCRIPTOR;
    sight_.start = sight_.end = sight_.page_size = sight_.offset = 0;
    const Fd directory = open_part(path_("fd"), O_DIRECTORY);
    bool has_any = false;
    if (directory)
        take_failure(for_each_entry(directory.get(), [&](const char *name) {
            has_any = true;
            tell_descriptor(directory.get(), name);
        }));
    return has_any || denied_ || failed_;
}

void ProcessLook::tell_descriptor(int directory, const char *name)
{
    struct statx target;
    struct stat link;
    // Without synchronising: a network file system that does not answer must not stop the pass.
    if (statx(directory, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_INO,
              &target) != 0)
        return take_failure(errno);
    if (!(pass_.wanted & kind_of_file(target.stx_mode)) || is_pipe_without_name(target) ||
        fstatat(directory, name, &link, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (!name_target(directory, name, target))
        return;
    // The permissions of the link are how the descriptor was opened.
    sight_.access = access_of(link.st_mode & S_IRUSR, link.st_mode & S_IWUSR);
    sight_.mode = target.stx_mode;
    sight_.device = makedev(target.stx_dev_major, target.stx_dev_minor);
    sight_.inode = target.stx_ino;
    sight_.links = target.stx_nlink;
    sight_.path = name_;
    sight_.number = std::strtoll(name, nullptr, 10);
    tell();
}

/// Half of all descriptors are sockets, whose link says nothing but the inode.
bool ProcessLook::name_target(int directory, const char *name, const struct statx &target)
{
    if (S_ISSOCK(target.stx_mode)) {
        *fmt::format_to_n(name_, sizeof name_ - 1, "socket:[{}]", std::uint64_t{target.stx_ino}).out = '\0';
        return true;
    }
    const ssize_t length = readlinkat(directory, name, name_, sizeof name_ - 1);
    if (length < 0)
        take_failure(errno);
    name_[std::max<ssize_t>(length, 0)] = '\0';
    return length > 0;
}

void ProcessLook::look_at_calls()
{
    const std::int64_t process = sight_.process;
    const std::uint64_t ipc_namespace = sight_.ipc_namespace;
    sight_ = {};
    sight_.size = sizeof sight_;
    sight_.kind = IPC_SIGHT_CALL;
    sight_.process = process;
    sight_.ipc_namespace = ipc_namespace;
    sight_.path = "";
    // Most processes have one thread, whose call is known without asking for its number.
    if (struct stat status; fstatat(proc_, path_("task"), &status, 0) == 0 && status.st_nlink == 3)
        return look_at_call(process, path_("syscall"));
    const Fd threads = open_part(path_("task"), O_DIRECTORY);
    if (threads)
        take_failure(for_each_entry(threads.get(), [this](const char *thread) {
            look_at_call(std::strtoll(thread, nullptr, 10), path_("task", thread, "/syscall"));
        }));
}

void ProcessLook::look_at_call(std::int64_t thread, const char *path)
{
    sight_.thread = thread;
    const Fd call = open_part(path);
    char text[256];
    const ssize_t length = call ? read(call.get(), text, sizeof text) : 0;
    if (length < 0)
        take_failure(errno);
    if (length > 0 && parse_call(text, text + length))
        tell();
}

/// "230 0x0 0x1 0x7ffd 0x0 0x0 0x0 0x7ffd 0x7f0c"; "running", or -1 outside of any call.
bool ProcessLook::parse_call(const char *at, const char *end)
{
    if (!take_number(at, end, sight_.number, 10) || sight_.number < 0)
        return false;
    for (std::uint64_t &argument : sight_.arguments)
        if (!take_letter(at, end, ' ') || !take_letter(at, end, '0') || !take_letter(at, end, 'x') ||
            !take_number(at, end, argument, 16))
            return false;
    return true;
}

bool has_mapping_query()
{
    static const bool known = [] {
        const Fd maps(open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
        return maps && query_is_known(maps.get());
    }();
    return known;
}

std::string unescaped_mapping_name(std::string_view name)
{
    constexpr std::string_view escape = "\\012";
    std::string text(name);
    for (std::size_t at = 0; (at = text.find(escape, at)) != text.npos; at++)
        text.replace(at, escape.size(), 1, '\n');
    return text;
}

} // namespace ipc
