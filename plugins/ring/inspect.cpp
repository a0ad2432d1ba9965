// SPDX-License-Identifier: MIT
// ring: which rings exist, who holds them and who waits. Only their files are read; nothing is mapped, and no lock
// taken.
#include "ring.hpp"

#include <ipc/quoted_name.hpp>
#include <ipc/shm_directory.hpp>

#include <sys/syscall.h>

#include <algorithm>

namespace {

using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::Result;
using ring_plugin::HeldRing;
using namespace ipc::ring;

/// st_dev of the directory, by which mappings and descriptors are known; 0 until it was asked for.
std::uint64_t known_device = 0;

std::uint64_t device()
{
    if (struct statx status; !known_device && ipc::file_status(AT_FDCWD, directory, 0, status) == 0)
        known_device = ipc::device_of(status);
    return known_device;
}

/// What it was called, what is wrong with it, and who holds an end just now: for more than a glimpse only who was
/// stopped, or builds a message in place.
class Detail {
public:
    [[gnu::format(printf, 2, 3)]] void add(const char *format, ...)
    {
        if (length_)
            length_ += std::size_t(std::snprintf(text_ + length_, sizeof text_ - length_, ", "));
        va_list arguments;
        va_start(arguments, format);
        length_ += std::size_t(std::vsnprintf(text_ + length_, sizeof text_ - length_, format, arguments));
        va_end(arguments);
    }
    void add(const Overview &overview)
    {
        if (overview.sending)
            add("process %" PRIu32 " holds the sending end", overview.sending);
        if (overview.receiving)
            add("process %" PRIu32 " holds the receiving end", overview.receiving);
    }
    const char *text() const { return length_ ? text_ : nullptr; }

private:
    std::size_t length_ = 0;
    char text_[4 * NAME_MAX + 128];
};

void describe_contents(const Overview &overview, ipc_object &object)
{
    object.capacity = overview.capacity;
    object.used = overview.bytes;
    object.messages = overview.messages;
    object.max_messages = overview.max_messages ? overview.max_messages : IPC_UNKNOWN;
    object.max_message_size = overview.max_message_size;
    object.waiters = overview.waiting_senders + overview.waiting_receivers;
}

/// For reading, without its time of access being set where that is permitted; no descriptor if it may not be read.
Fd open_quietly(int at, const char *path, int flags)
{
    flags |= O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    Fd file(::openat(at, path, flags | O_NOATIME));
    return file || errno != EPERM ? std::move(file) : Fd(::openat(at, path, flags));
}

/// Emit the ring of that file, called `before` if it has no name any more. One that may not be read is told by its name
/// alone, and so is one that could not be, before the error.
Result<bool> emit_ring(const char *name, const char *before, const struct statx &status, const Fd &readable, int code,
                       const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    ipc::describe_file(status, object);
    object.name = name;
    object.capacity = object.used = IPC_UNKNOWN;
    object.changed = std::max(object.changed, object.last_in_time); // when it was last opened or let go
    object.last_in_time = IPC_NO_TIME;
    Detail detail;
    if (status.stx_nlink == 0)
        object.flags |= IPC_OBJECT_REMOVED;
    if (before)
        detail.add("%s", ipc::quoted_name(before).c_str());
    Result<void> described;
    if (!readable) {
        object.flags |= IPC_OBJECT_DENIED;
        if (const Result<bool> denied = ipc::only_denied(code); !denied)
            described = denied.error();
    } else if (const Result<Overview> overview = look(readable.get()); overview) {
        describe_contents(*overview.operator->(), object);
        detail.add(*overview.operator->());
    } else if (const int error = overview.error().code(); error == EINVAL || error == EBADMSG || error == ESTALE) {
        detail.add(error == EINVAL ? "no ring" : "damaged");
    } else {
        described = overview.error();
    }
    object.detail = detail.text();
    const bool more = emit(object);
    return described ? Result<bool>(more) : described.error();
}

/// "/feed" of "ipcring.feed"; empty if it is no ring's name.
struct Name {
    char text[NAME_MAX + 2] = "";

    explicit Name(std::string_view leaf)
    {
        if (leaf.starts_with(file_prefix) && leaf.size() > file_prefix.size() && leaf.size() <= NAME_MAX) {
            text[0] = '/';
            leaf.substr(file_prefix.size()).copy(text + 1, NAME_MAX);
        }
    }
    explicit operator bool() const { return text[0]; }
};

/// The name of a ring from its path in a mapping or descriptor; `removed` if that says it was.
Name name_of(std::string_view path, bool &removed)
{
    constexpr std::string_view prefix = "/dev/shm/";
    removed = path.ends_with(ipc::deleted_suffix);
    if (removed)
        path.remove_suffix(ipc::deleted_suffix.size());
    return Name(path.starts_with(prefix) ? ipc::name_before_removal(path.substr(prefix.size())) : std::string_view());
}

/// The rings that the process whose sights come in just now has mapped: where its calls wait is told by addresses
/// alone.
class MappedRings {
public:
    void add(const ipc_sight &sight)
    {
        if (sight.process != process_)
            count_ = 0;
        process_ = sight.process;
        if (count_ < std::size(mappings_))
            mappings_[count_++] = {sight.start, sight.end, {0, sight.device, sight.inode, IPC_NO_TIME}};
    }

    /// Is the call one that sleeps in one of these?
    bool claim(const ipc_sight &sight, ipc_claim &claim) const
    {
        const std::uint64_t word = sight.arguments[0];
        if (sight.process != process_ || sight.number != SYS_futex)
            return false;
        for (const Mapping &mapping : std::span(mappings_, count_))
            if (word >= mapping.start && word - mapping.start < sizeof(Shared) && word < mapping.end) {
                const bool sends = word - mapping.start < offsetof(Shared, receiver);
                claim.role = sends ? IPC_ROLE_WAITS_TO_SEND : IPC_ROLE_WAITS_TO_RECEIVE;
                claim.identity = mapping.identity;
                return true;
            }
        return false;
    }

private:
    struct Mapping {
        std::uint64_t start, end;
        ipc_identity identity;
    };
    std::int64_t process_ = -1;
    std::size_t count_ = 0;
    Mapping mappings_[64];
};

MappedRings mapped_rings;

Result<void> look_at_held(const HeldRing &held, const Emit<ipc_object> &emit)
{
    const Fd file = IPC_TRY(held.hold());
    struct statx status;
    if (int code = ipc::file_status(file.get(), status))
        return ipc::lookup_error(code);
    if (!S_ISREG(status.stx_mode))
        return Error::of(EINVAL, "it is no ring (ipcls shows what exists)");
    char target[NAME_MAX + 64] = "";
    bool removed;
    (void)!::readlink(held.path().text, target, sizeof target - 1);
    const Name name = name_of(target, removed);
    const Fd readable = open_quietly(AT_FDCWD, held.path().text, 0);
    IPC_TRY(emit_ring(held.name().text, name ? name.text : nullptr, status, readable, errno, emit));
    return {};
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES | IPC_CLAIMS_CALLS;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        const ipc::Directory entries(::opendir(directory));
        if (!entries && errno == ENOENT)
            return {};
        if (!entries)
            return Error::system(directory);
        const int descriptor = ::dirfd(entries.get());
        known_device = 0; // it may be another mount since the last time
        return ipc::each_entry(entries.get(), directory, [&](const dirent &entry) -> Result<bool> {
            struct statx status;
            const Name name(entry.d_name);
            if (!name)
                return true;
            if (const int code = ipc::file_status(descriptor, entry.d_name, AT_SYMLINK_NOFOLLOW, status))
                return Error::system("it cannot be looked at", code);
            if (!S_ISREG(status.stx_mode))
                return true;
            const Fd readable = open_quietly(descriptor, entry.d_name, O_NOFOLLOW);
            return emit_ring(name.text, nullptr, status, readable, errno, emit);
        });
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        struct statx status;
        if (const std::optional<HeldRing> held = HeldRing::parse(address.name))
            return look_at_held(*held, emit);
        const FileName file(address.name);
        if (int code = ipc::file_status(AT_FDCWD, file.path(), AT_SYMLINK_NOFOLLOW, status))
            return ipc::lookup_error(code);
        IPC_TRY(ipc::expect_regular(status.stx_mode));
        const Fd readable = open_quietly(AT_FDCWD, file.path(), O_NOFOLLOW);
        IPC_TRY(emit_ring(Name(file.leaf()).text, nullptr, status, readable, errno, emit));
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim)
    {
        claim.descriptor = -1;
        if (sight.kind == IPC_SIGHT_CALL)
            return mapped_rings.claim(sight, claim);
        bool removed;
        if (!sight.device || sight.device != device() || !name_of(sight.path, removed))
            return false;
        if (sight.kind == IPC_SIGHT_MAPPING)
            mapped_rings.add(sight);
        claim.role = IPC_ROLE_HOLDER;
        claim.identity = {0, sight.device, sight.inode, IPC_NO_TIME};
        return true;
    }

    /// A ring that was removed and lives on.
    static bool describe(const ipc_sight &sight, const Emit<ipc_object> &emit)
    {
        bool removed;
        const Name name = name_of(sight.path, removed);
        struct statx status;
        if (!name || !removed || sight.kind != IPC_SIGHT_DESCRIPTOR || !ipc::sight_status(sight, status) ||
            !S_ISREG(status.stx_mode) || status.stx_nlink)
            return false;
        const HeldRing held(sight.process, sight.number);
        const Fd readable = open_quietly(AT_FDCWD, held.path().text, 0);
        (void)emit_ring(held.name().text, name.text, status, readable, errno, emit);
        return true;
    }
};

} // namespace

const ipc_inspect_v1 ring_plugin::inspect = ipc::inspect_table<Inspection>();
