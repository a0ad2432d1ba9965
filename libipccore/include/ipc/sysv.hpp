// SPDX-License-Identifier: MIT
// ipc/sysv.hpp - the names and identities of System V objects, for the plugins that serve them.
//
// An object is named by a key (decimal, 0 octal or 0x hex), by `id=N`, by `/path,PROJECT` for the key that ftok(3)
// makes of a file, or by `private`, for creating only. A plugin describes its kind of object:
//
//     struct Segments {
//         using Record = shmid_ds;
//         static constexpr const char *noun = "segment";
//         static constexpr int stat_any = SHM_STAT_ANY;
//         static int get(key_t key, int flags);                      // shmget of an existing one
//         static int control(int id, int command, Record *record);   // shmctl
//         static auto &permissions(auto &record);                    // its struct ipc_perm
//         static std::time_t changed(const Record &record);          // its ctime
//     };
//
// Looking at a record by its identifier needs no permission (SHM_STAT_ANY and its like, Linux 4.17 and later; before,
// read permission).
#pragma once

#include <ipc/plugin.hpp>

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <string_view>

namespace ipc::sysv {

/// An address taken apart. Points into the address, so it lives as long as that.
struct Name {
    enum class Form { key, identifier, file, fresh };
    Form form = Form::fresh;
    key_t key = IPC_PRIVATE;    ///< of Form::key
    int identifier = -1;        ///< of Form::identifier
    std::string_view path = {}; ///< of Form::file
    int project = 0;            ///< of Form::file, 1 to 255
};

inline Result<Name> parse_identifier(const char *text)
{
    const std::optional<long long> number = whole_number(text);
    if (!number || *number < 0 || *number > INT_MAX)
        return Error::of(EINVAL, "an identifier is a number from 0 to %d (write id=32768)", INT_MAX);
    return Name{.form = Name::Form::identifier, .identifier = static_cast<int>(*number)};
}

inline Result<Name> parse_file(std::string_view text)
{
    const std::size_t comma = text.rfind(',');
    if (comma == std::string_view::npos)
        return Error::of(EINVAL, "a key made of a file needs a project too (write /path,PROJECT with a project "
                                 "from 1 to 255)");
    // The view ends where the name ends, so that what follows the comma is NUL-terminated.
    const std::optional<long long> project = whole_number(text.data() + comma + 1);
    if (!project || *project < 1 || *project > 255)
        return Error::of(EINVAL, "the project of a key made of a file is a number from 1 to 255 (write /path,7)");
    return Name{.form = Name::Form::file, .path = text.substr(0, comma), .project = static_cast<int>(*project)};
}

inline Result<Name> parse_key(const char *text)
{
    const std::optional<long long> number = whole_number(text);
    if (!number || *number < 0 || *number > UINT32_MAX)
        return Error::of(EINVAL, "this is no System V key (write a number from 1 to 0xffffffff, id=N, /path,PROJECT "
                                 "or private)");
    if (*number == IPC_PRIVATE)
        return Error::of(EINVAL, "0 is the key of all private objects (write private to create one, id=N to reach "
                                 "one)");
    return Name{.form = Name::Form::key, .key = static_cast<key_t>(*number)};
}

/// Take a name apart, without any system call. EINVAL says what a right one looks like.
inline Result<Name> parse(const ipc_address &address)
{
    const std::string_view text = address.name;
    if (text == "private")
        return Name{};
    if (text.starts_with("id="))
        return parse_identifier(address.name + 3);
    if (text.starts_with('/'))
        return parse_file(text);
    return parse_key(address.name);
}

/// For check().
inline Result<void> check_name(const ipc_address &address)
{
    static_cast<void>(IPC_TRY(parse(address)));
    return {};
}

/// The key that ftok(3) makes of the file, which must exist.
inline Result<key_t> file_key(const Name &name)
{
    char path[PATH_MAX];
    if (name.path.size() >= sizeof path)
        return Error::of(ENAMETOOLONG, "the path of the file that the key is made of is too long");
    std::memcpy(path, name.path.data(), name.path.size());
    path[name.path.size()] = '\0';
    errno = 0;
    const key_t key = ftok(path, name.project);
    if (key == -1 && errno != 0) {
        const int code = errno;
        return Error::of(code, "the file that the key is made of: %s (name one that exists, or give the key itself)",
                         std::strerror(code));
    }
    return key;
}

/// The key of an object that exists or shall be made. Not for Form::identifier; IPC_PRIVATE for Form::fresh.
inline Result<key_t> key_of(const Name &name)
{
    if (name.form == Name::Form::file)
        return file_key(name);
    return name.key;
}

/// Inode of the IPC namespace in which this process sees System V objects; 0 where there is no /proc. Found once.
inline std::uint64_t own_namespace()
{
    constinit static std::uint64_t inode = 0;
    struct stat status;
    if (inode == 0 && stat("/proc/self/ns/ipc", &status) == 0)
        inode = status.st_ino;
    return inode;
}

/// Seconds as System V records have them, where 0 means never.
inline std::int64_t nanoseconds(std::time_t seconds)
{
    return seconds == 0 ? IPC_NO_TIME : std::int64_t{seconds} * 1'000'000'000;
}

/// Process that did something last, for a record: the kernel says 0 if nobody did or if it is not visible from here.
inline std::uint64_t last_process(pid_t process, std::time_t when)
{
    if (process == 0 && when != 0)
        return IPC_UNKNOWN;
    return static_cast<std::uint64_t>(process);
}

/// The name under which an object is listed, and which addresses it again: its key, else its identifier.
class PrintedName {
public:
    PrintedName(key_t key, int identifier)
    {
        if (key == IPC_PRIVATE)
            std::snprintf(text_, sizeof text_, "id=%d", identifier);
        else
            write_key(static_cast<std::uint32_t>(key));
    }
    const char *text() const { return text_; }

private:
    // Ten thousand names are written for one listing: four times as fast as snprintf.
    void write_key(std::uint32_t key)
    {
        text_[0] = '0';
        text_[1] = 'x';
        for (int digit = 9; digit >= 2; digit--, key >>= 4)
            text_[digit] = "0123456789abcdef"[key & 15];
        text_[10] = '\0';
    }
    char text_[16];
};

/// What reaches an object that no key does, for ipc_segment_status::name and its like.
class KeylessName {
public:
    /// NULL if the key reaches it; else valid as long as this lives.
    const char *of(key_t key, int identifier)
    {
        if (key != IPC_PRIVATE)
            return nullptr;
        text_.emplace(key, identifier);
        return text_->text();
    }

private:
    std::optional<PrintedName> text_;
};

/// Number in a file of /proc or /sys that holds nothing else.
inline std::optional<std::uint64_t> number_in_file(const char *path)
{
    char text[32];
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return std::nullopt;
    const ssize_t length = ::read(file, text, sizeof text - 1);
    ::close(file);
    if (length <= 0)
        return std::nullopt;
    text[length] = '\0';
    return std::strtoull(text, nullptr, 10);
}

/// An object's record, whoever may read the object. ENOENT if there is no object with this identifier.
template <typename Kind> Result<typename Kind::Record> examine(int identifier)
{
    typename Kind::Record record;
    // *_STAT_ANY takes an index into the kernel's table, for which it takes the low bits of an identifier, and answers
    // with the identifier of what it found there.
    if (Kind::control(identifier, Kind::stat_any, &record) == identifier)
        return record;
    if (Kind::control(identifier, IPC_STAT, &record) == 0)
        return record;
    if (errno == EINVAL || errno == EIDRM)
        return Error::of(ENOENT, "there is no %s with this identifier (it was removed, or never made)", Kind::noun);
    return Error::system("looking at it");
}

/// After *_STAT_ANY of an index gave no object: no error if there is none at it, or the kernel lacks the command.
inline Result<void> expect_unused(int code)
{
    if (code == EINVAL || code == EIDRM)
        return {};
    return Error::system("one of them cannot be looked at", code);
}

/// Identifiers count per namespace alone, so no device is part of it.
template <typename Kind> ipc_identity identity(int identifier, const typename Kind::Record &record)
{
    return {.space = own_namespace(),
            .device = 0,
            .number = static_cast<std::uint64_t>(identifier),
            .birth = nanoseconds(Kind::changed(record))};
}

/// "WHAT is not permitted", with whose it is and what its mode says.
template <typename Kind> Error denied(int code, const char *what, int identifier)
{
    const Result<typename Kind::Record> record = examine<Kind>(identifier);
    if (!record)
        return Error::of(code, "%s is not permitted", what);
    const auto &permissions = Kind::permissions(record.value());
    return Error::of(code, "%s is not permitted (it belongs to user %u, its mode is %04o)", what, permissions.uid,
                     permissions.mode & 0777u);
}

/// The identifier of the object that a name means now. `mode` asks for permissions on the way, 0400 to read and 0600
/// to read and write; they are only checked for names that are not identifiers already.
template <typename Kind> Result<int> find(const ipc_address &address, int mode = 0)
{
    const Name name = IPC_TRY(parse(address));
    if (name.form == Name::Form::identifier)
        return name.identifier;
    if (name.form == Name::Form::fresh)
        return Error::of(EINVAL, "private is for creating only (reach a %s that exists by its key or as id=N)",
                         Kind::noun);
    const key_t key = IPC_TRY(key_of(name));
    const int identifier = Kind::get(key, mode);
    if (identifier >= 0)
        return identifier;
    if (errno == ENOENT)
        return Error::of(ENOENT, "there is no %s with this key (ipcls lists what exists)", Kind::noun);
    if (errno == EACCES)
        return denied<Kind>(EACCES, "such access", Kind::get(key, 0));
    return Error::system("finding its key");
}

/// Under which key to create, IPC_PRIVATE for a private object.
template <typename Kind> Result<key_t> creation_key(const Name &name)
{
    if (name.form == Name::Form::identifier)
        return Error::of(EINVAL, "a new %s gets its identifier from the kernel (give a key, or private)", Kind::noun);
    return key_of(name);
}

template <typename Kind> Error exists(const Name &name)
{
    if (name.form == Name::Form::file)
        return Error::of(EEXIST,
                         "a %s with this key exists (keys made of different files can be the same: check that "
                         "it is yours, or remove it first)",
                         Kind::noun);
    return Error::of(EEXIST, "a %s with this key exists (remove it first, or use it)", Kind::noun);
}

/// What creating with a key made by ftok(3) must tell.
inline void warn_of_file_key(const Name &name, key_t key)
{
    if (name.form != Name::Form::file)
        return;
    char text[160];
    std::snprintf(text, sizeof text,
                  "the key is 0x%08x; it holds only 16 bits of the file's inode number and 8 of the project, so that "
                  "another file can have the same key",
                  static_cast<unsigned>(key));
    host->notice(text);
}

/// Enter mode, owner and group into a record, for IPC_SET.
inline Result<void> set_ownership(struct ipc_perm &permissions, const ipc_ownership &ownership)
{
    if (ownership.owner > UINT32_MAX || ownership.group > UINT32_MAX)
        return Error::of(EINVAL, "a user or group is a number below %u", UINT32_MAX);
    permissions.mode = static_cast<decltype(permissions.mode)>(ownership.mode & 0777);
    if (ownership.owner >= 0)
        permissions.uid = static_cast<uid_t>(ownership.owner);
    if (ownership.group >= 0)
        permissions.gid = static_cast<gid_t>(ownership.group);
    return {};
}

/// An object just made, which is removed again unless all that belongs to its making succeeds.
template <typename Kind> class Unfinished {
public:
    explicit Unfinished(int identifier) : identifier_(identifier) {}
    Unfinished(const Unfinished &) = delete;
    Unfinished &operator=(const Unfinished &) = delete;
    ~Unfinished()
    {
        if (identifier_ >= 0)
            Kind::control(identifier_, IPC_RMID, nullptr);
    }
    void finish() { identifier_ = -1; }

private:
    int identifier_;
};

/// Is it the object that was looked at? A birth that the look did not learn says nothing.
inline bool same(const ipc_identity &looked_at, const ipc_identity &now)
{
    return looked_at.space == now.space && looked_at.device == now.device && looked_at.number == now.number &&
           (looked_at.birth == now.birth || looked_at.birth == IPC_NO_TIME);
}

/// For remove(): remove what the name means, if it still is what was expected. Identifiers do not come back before all
/// others were used, so that what was compared is what is removed.
template <typename Kind> Result<void> remove(const ipc_address &address, const ipc_identity *expected)
{
    const int identifier = IPC_TRY(find<Kind>(address));
    const typename Kind::Record record = IPC_TRY(examine<Kind>(identifier));
    if (expected && !same(*expected, identity<Kind>(identifier, record)))
        return Error::of(ESTALE, "it is not the %s any more that was looked at (look again)", Kind::noun);
    if (Kind::control(identifier, IPC_RMID, nullptr) == 0)
        return {};
    if (errno == EPERM)
        return denied<Kind>(EPERM, "removing what is another user's", identifier);
    if (errno == EINVAL || errno == EIDRM)
        return Error::of(ENOENT, "the %s was removed by somebody else meanwhile", Kind::noun);
    return Error::system("removing it");
}

} // namespace ipc::sysv
