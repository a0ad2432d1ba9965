// SPDX-License-Identifier: MIT
#include "processes.hpp"

#include "directory.hpp"
#include "error.hpp"
#include "helping_thread.hpp"
#include "sights.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ipc {
namespace {

constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;
/// Fewer processes are looked at before a second thread would have begun.
constexpr std::size_t worth_two_threads = 64;

/// struct procmap_query of <linux/fs.h>, which Debian 12's headers do not have yet.
struct MappingQuery {
    std::uint64_t size, query_flags, query_address;
    std::uint64_t start, end, flags, page_size, offset, inode;
    std::uint32_t device_major, device_minor, name_size, build_id_size;
    std::uint64_t name_address, build_id_address;
};
static_assert(sizeof(MappingQuery) == 104);
constexpr unsigned long mapping_query = _IOWR('f', 17, MappingQuery);
enum : std::uint64_t { vma_readable = 1, vma_writable = 2, vma_shared = 8, covering_or_next = 16, file_backed = 32 };

/// "PID/PART" below /proc, without the cost of snprintf: it is made for each process several times.
class ProcPath {
public:
    void enter(const char *process) { length_ = append(0, process); }
    const char *operator()(const char *part)
    {
        append(append(length_, "/"), part);
        return text_;
    }
    const char *operator()(const char *directory, const char *entry, const char *leaf = "")
    {
        append(append(append(append(append(length_, "/"), directory), "/"), entry), leaf);
        return text_;
    }

private:
    std::size_t append(std::size_t at, const char *part)
    {
        const std::size_t length = std::min(std::strlen(part), sizeof text_ - 1 - at);
        std::memcpy(text_ + at, part, length);
        text_[at + length] = '\0';
        return at + length;
    }
    char text_[96];
    std::size_t length_ = 0;
};

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

using See = std::function<void(const ipc_sight &)>;

/// From process to process. Holds the buffers that all of them share.
class Walk {
public:
    /// `proc` is open on /proc.
    Walk(const ProcessPass &pass, int proc, bool by_query, See see)
        : pass_(pass), by_query_(by_query), see_(std::move(see)), proc_(proc)
    {
    }

    const ProcessPassResult &result() const { return result_; }

    void visit(const char *name)
    {
        path_.enter(name);
        sight_ = {};
        sight_.size = sizeof sight_;
        sight_.process = std::strtoll(name, nullptr, 10);
        namespace_known_ = false;
        denied_ = false;
        if (pass_.wanted & IPC_CLAIMS_MAPPINGS)
            look_at_mappings();
        const bool shares_memory = sight_.end != 0;
        if (pass_.wanted & any_file)
            look_at_descriptors();
        if ((pass_.wanted & IPC_CLAIMS_CALLS) || (pass_.calls_beside_mappings && shares_memory))
            look_at_calls();
        count();
    }

private:
    void count()
    {
        if (denied_)
            if (const std::optional<Process> process = find_process(sight_.process);
                !process || process->without_memory)
                return;
        result_.processes++;
        result_.hidden += denied_;
    }

    Fd open_part(const char *path, int flags = 0)
    {
        Fd part(openat(proc_, path, O_RDONLY | O_CLOEXEC | flags));
        if (!part && is_denied(errno))
            denied_ = true;
        return part;
    }

    void tell()
    {
        if (!namespace_known_) {
            struct stat status;
            sight_.ipc_namespace = fstatat(proc_, path_("ns/ipc"), &status, 0) == 0 ? status.st_ino : 0;
            namespace_known_ = true;
        }
        see_(sight_);
    }

    void look_at_mappings()
    {
        sight_.kind = IPC_SIGHT_MAPPING;
        const Fd maps = open_part(path_("maps"));
        if (!maps)
            return;
        if (by_query_)
            query_mappings(maps.get());
        else
            read_mappings(maps.get());
    }

    void query_mappings(int maps)
    {
        MappingQuery query = {};
        query.size = sizeof query;
        query.query_flags = vma_shared | file_backed | covering_or_next;
        for (;;) {
            query.name_address = reinterpret_cast<std::uintptr_t>(name_);
            query.name_size = sizeof name_;
            if (ioctl(maps, mapping_query, &query) != 0) {
                if (errno != ENAMETOOLONG)
                    return;
                query.name_address = query.name_size = 0;
                if (ioctl(maps, mapping_query, &query) != 0)
                    return;
            }
            if (query.name_size == 0)
                name_[0] = '\0';
            tell_mapping(query);
            query.query_address = query.end;
        }
    }

    void tell_mapping(const MappingQuery &query)
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

    void read_mappings(int maps)
    {
        if (!text_)
            text_ = std::make_unique<char[]>(text_size);
        std::size_t used = 0;
        ssize_t length;
        while ((length = read(maps, text_.get() + used, text_size - used)) > 0) {
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
    }

    /// "7f0c-7f0d rw-s 00000000 00:01 1310        /SYSV0000051e (deleted)". Most lines are of private mappings and are
    /// left at once.
    void tell_line(const char *at, const char *end)
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

    void look_at_descriptors()
    {
        sight_.kind = IPC_SIGHT_DESCRIPTOR;
        sight_.start = sight_.end = sight_.page_size = sight_.offset = 0;
        const Fd directory = open_part(path_("fd"), O_DIRECTORY);
        if (directory)
            for_each_entry(directory.get(), [&](const char *name) { tell_descriptor(directory.get(), name); });
    }

    void tell_descriptor(int directory, const char *name)
    {
        struct statx target;
        struct stat link;
        // Without synchronising: a network file system that does not answer must not stop the pass.
        if (statx(directory, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
                  STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_INO, &target) != 0 ||
            !(pass_.wanted & kind_of_file(target.stx_mode)) || is_pipe_without_name(target) ||
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
    bool name_target(int directory, const char *name, const struct statx &target)
    {
        if (S_ISSOCK(target.stx_mode)) {
            *fmt::format_to_n(name_, sizeof name_ - 1, "socket:[{}]", std::uint64_t{target.stx_ino}).out = '\0';
            return true;
        }
        const ssize_t length = readlinkat(directory, name, name_, sizeof name_ - 1);
        name_[std::max<ssize_t>(length, 0)] = '\0';
        return length > 0;
    }

    void look_at_calls()
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
            for_each_entry(threads.get(), [this](const char *thread) {
                look_at_call(std::strtoll(thread, nullptr, 10), path_("task", thread, "/syscall"));
            });
    }

    void look_at_call(std::int64_t thread, const char *path)
    {
        sight_.thread = thread;
        const Fd call = open_part(path);
        char text[256];
        const ssize_t length = call ? read(call.get(), text, sizeof text) : 0;
        if (length > 0 && parse_call(text, text + length))
            tell();
    }

    /// "230 0x0 0x1 0x7ffd 0x0 0x0 0x0 0x7ffd 0x7f0c"; "running", or -1 outside of any call.
    bool parse_call(const char *at, const char *end)
    {
        if (!take_number(at, end, sight_.number, 10) || sight_.number < 0)
            return false;
        for (std::uint64_t &argument : sight_.arguments)
            if (!take_letter(at, end, ' ') || !take_letter(at, end, '0') || !take_letter(at, end, 'x') ||
                !take_number(at, end, argument, 16))
                return false;
        return true;
    }

    static constexpr std::size_t text_size = 64 * 1024;

    const ProcessPass &pass_;
    const bool by_query_;
    const See see_;
    const int proc_;
    ProcessPassResult result_;
    ProcPath path_;
    ipc_sight sight_ = {};
    bool namespace_known_ = false;
    bool denied_ = false;
    char name_[PATH_MAX + 16];
    std::unique_ptr<char[]> text_;
};

std::int64_t clock_now(clockid_t clock)
{
    struct timespec now = {};
    clock_gettime(clock, &now);
    return now.tv_sec * nanoseconds_per_second + now.tv_nsec;
}

/// The fields behind comm, of which the first is number 3 in proc(5).
class Fields {
public:
    explicit Fields(std::string_view text) : rest_(text) {}
    std::string_view skip_to(int number)
    {
        std::string_view field;
        for (; at_ <= number; at_++) {
            rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
            field = rest_.substr(0, rest_.find(' '));
            rest_.remove_prefix(field.size());
        }
        return field;
    }

private:
    std::string_view rest_;
    int at_ = 3;
};

} // namespace

/// Of a crowd, several threads look at the next process in turn; what they saw is told by the first, in the order of
/// the processes. The first also asks the mechanisms, which may mean to sleep, so that one thread more keeps its
/// processor busy.
struct ProcessWalk::State {
    struct Seen {
        Sights sights;
        std::atomic<bool> is_complete = false;
    };

    State(const ProcessPass &wanted, Fd directory)
        : pass(wanted), proc(std::move(directory)),
          by_query(pass.mappings != MappingSource::text && has_mapping_query())
    {
        for_each_entry(proc.get(), [&](const char *name) {
            if (name[0] >= '1' && name[0] <= '9')
                processes.emplace_back(name);
        });
        if (processes.size() < worth_two_threads || std::thread::hardware_concurrency() < 2)
            return;
        seen = std::vector<Seen>(processes.size());
        for (ProcessPassResult &result : others)
            helpers.emplace_back([this, &result] { result = look([] {}); });
    }

    template <typename After> ProcessPassResult look(After after)
    {
        Sights *current = nullptr;
        const auto walk =
            std::make_unique<Walk>(pass, proc.get(), by_query, [&](const ipc_sight &sight) { current->add(sight); });
        for (std::size_t index; (index = next++) < processes.size();) {
            current = &seen[index].sights;
            walk->visit(processes[index].c_str());
            seen[index].is_complete.store(true, std::memory_order_release);
            after();
        }
        return walk->result();
    }

    ProcessPassResult look_alone(const See &see)
    {
        const auto walk = std::make_unique<Walk>(pass, proc.get(), by_query, see);
        for (const std::string &process : processes)
            walk->visit(process.c_str());
        return walk->result();
    }

    ProcessPassResult look_together(const See &see)
    {
        const auto tell_more = [&] {
            for (; told < seen.size() && seen[told].is_complete.load(std::memory_order_acquire); told++) {
                seen[told].sights.tell(see);
                seen[told].sights = {};
            }
        };
        ProcessPassResult sum = look(tell_more);
        for (HelpingThread &helper : helpers)
            helper.join();
        tell_more();
        for (const ProcessPassResult &other : others) {
            sum.processes += other.processes;
            sum.hidden += other.hidden;
        }
        return sum;
    }

    const ProcessPass pass;
    const Fd proc;
    const bool by_query;
    std::vector<std::string> processes;
    std::vector<Seen> seen;
    std::atomic<std::size_t> next = 0;
    std::size_t told = 0;
    std::array<ProcessPassResult, 2> others;
    std::list<HelpingThread> helpers; // the last, and so the first to end
};

ProcessWalk::ProcessWalk(std::unique_ptr<State> state) : state_(std::move(state)) {}
ProcessWalk::ProcessWalk(ProcessWalk &&) noexcept = default;
ProcessWalk::~ProcessWalk() = default;

Result<ProcessWalk> ProcessWalk::begin(const ProcessPass &pass)
{
    if (pass.mappings == MappingSource::query && !has_mapping_query())
        return failure(ENOTSUP, "this kernel has no PROCMAP_QUERY (it came with Linux 6.11)");
    Fd directory(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return Error::system("/proc cannot be read");
    return ProcessWalk(std::make_unique<State>(pass, std::move(directory)));
}

ProcessPassResult ProcessWalk::tell(const std::function<void(const ipc_sight &)> &see)
{
    return state_->helpers.empty() ? state_->look_alone(see) : state_->look_together(see);
}

Result<ProcessPassResult> go_over_processes(const ProcessPass &pass, const std::function<void(const ipc_sight &)> &see)
{
    ProcessWalk walk = IPC_TRY(ProcessWalk::begin(pass));
    return walk.tell(see);
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

std::optional<Process> parse_process(std::string_view text, std::int64_t boot)
{
    constexpr unsigned kernel_thread = 0x00200000; // PF_KTHREAD
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    Process process;
    if (open == text.npos || close == text.npos || close < open ||
        std::from_chars(text.data(), text.data() + open, process.id).ec != std::errc{})
        return std::nullopt;
    process.command = text.substr(open + 1, close - open - 1);
    Fields fields(text.substr(close + 1));
    const std::string_view state = fields.skip_to(3);
    std::int64_t parent = 0, ticks = 0;
    std::uint64_t threads = 0;
    unsigned bits = 0;
    const auto read = [](std::string_view field, auto &number) {
        return std::from_chars(field.data(), field.data() + field.size(), number).ec;
    };
    read(fields.skip_to(4), parent);
    read(fields.skip_to(9), bits);
    read(fields.skip_to(20), threads);
    if (read(fields.skip_to(22), ticks) != std::errc{})
        return std::nullopt;
    static const std::int64_t tick = nanoseconds_per_second / sysconf(_SC_CLK_TCK);
    process.start = boot + ticks * tick;
    process.parent = parent;
    process.threads = threads;
    process.without_memory = (bits & kernel_thread) || state == "Z" || state == "X";
    return process;
}

std::optional<Process> find_process(std::int64_t id)
{
    const std::int64_t boot = clock_now(CLOCK_REALTIME) - clock_now(CLOCK_BOOTTIME);
    const Fd file(open(fmt::format("/proc/{}/stat", id).c_str(), O_RDONLY | O_CLOEXEC));
    char text[1024]; // comm and fifty numbers
    const ssize_t length = file ? read(file.get(), text, sizeof text) : 0;
    std::optional<Process> process =
        length > 0 ? parse_process({text, static_cast<std::size_t>(length)}, boot) : std::nullopt;
    if (struct stat status; process && fstat(file.get(), &status) == 0)
        process->user = status.st_uid;
    return process;
}

} // namespace ipc
