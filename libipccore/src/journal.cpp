// SPDX-License-Identifier: MIT
#include "journal.hpp"

#include "error.hpp"
#include "interruption.hpp"
#include "journal_format.hpp"
#include "memory_reserve.hpp"
#include "plugins.hpp"
#include "printable.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace ipc {

namespace {

using namespace journal;

/// What is done is cleared away when it comes to so much.
constexpr std::uint64_t most_done = 1 << 20;

/// 0, or an errno value.
int write_at(int file, std::span<iovec> parts, std::uint64_t offset)
{
    while (!parts.empty()) {
        const ssize_t count = ::pwritev(file, parts.data(), int(parts.size()), off_t(offset));
        if (count < 0 && errno != EINTR)
            return errno;
        std::size_t written = count < 0 ? 0 : std::size_t(count);
        offset += written;
        for (; !parts.empty() && written >= parts.front().iov_len; parts = parts.subspan(1))
            written -= parts.front().iov_len;
        if (written) {
            parts.front().iov_base = static_cast<char *>(parts.front().iov_base) + written;
            parts.front().iov_len -= written;
        }
    }
    return 0;
}

iovec part(std::string_view bytes) { return {const_cast<char *>(bytes.data()), bytes.size()}; }

template <typename Struct> std::string_view image(const Struct &value)
{
    return {reinterpret_cast<const char *>(&value), sizeof value};
}

int write_at(int file, std::string_view bytes, std::uint64_t offset)
{
    iovec all = part(bytes);
    return write_at(file, std::span(&all, 1), offset);
}

/// 0, or an errno value.
int read_from_start(int file, std::uint64_t size, std::string &contents)
{
    contents.resize(size);
    for (std::size_t filled = 0; filled < size;) {
        const ssize_t count = ::pread(file, contents.data() + filled, size - filled, off_t(filled));
        if (count < 0 && errno != EINTR)
            return errno;
        if (count == 0)
            contents.resize(size = filled);
        filled += count < 0 ? 0 : std::size_t(count);
    }
    return 0;
}

std::string directory_of(const std::string &path)
{
    const std::string directory = path.substr(0, path.rfind('/') + 1);
    return directory.empty() ? "." : directory;
}

/// That the name lasts as well.
void sync_directory(const std::string &path)
{
    const Fd opened(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened)
        ::fsync(opened.get());
}

bool is_at(const std::string &path, int file)
{
    struct stat there, here;
    return ::stat(path.c_str(), &there) == 0 && ::fstat(file, &here) == 0 && there.st_dev == here.st_dev &&
           there.st_ino == here.st_ino;
}

/// A new file that is to take the place of another one in its directory. It gets its name, which nothing else has, only
/// when it is whole, where the file system can do so. Gone again unless it took that place.
class SideFile {
public:
    explicit SideFile(const std::string &path) : path_(path)
    {
        if (::access(own_descriptors, X_OK) == 0) // by which it gets its name
            file_ = Fd(::open(directory_of(path).c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
        if (!file_) {
            file_ = Fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
            named_ = bool(file_);
        }
    }
    SideFile(const SideFile &) = delete;
    ~SideFile()
    {
        if (named_)
            ::unlink(path_.c_str());
    }

    /// 0, or an errno value. Locked for this process before anybody can open it.
    int take_the_place_of(const std::string &path, std::string_view contents)
    {
        if (!file_ || ::flock(file_.get(), LOCK_EX | LOCK_NB) < 0)
            return errno;
        if (const int code = write_at(file_.get(), contents, 0))
            return code;
        if (::fdatasync(file_.get()) < 0 || !give_name() || ::rename(path_.c_str(), path.c_str()) < 0)
            return errno;
        named_ = false;
        return 0;
    }
    Fd release() { return std::move(file_); }

private:
    static constexpr char own_descriptors[] = "/proc/self/fd";
    bool give_name()
    {
        if (named_)
            return true;
        const std::string self = fmt::format("{}/{}", own_descriptors, file_.get());
        named_ = ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) == 0;
        return named_;
    }

    std::string path_;
    Fd file_;
    bool named_ = false;
};

Error refused(const std::string &path, const char *why) { return failure(EINVAL, "{}: {}", printable(path), why); }

/// 0, or an errno value. A command that was just being started when its mqrecv was killed has the lock until it is
/// the command.
int lock_soon(int file)
{
    constexpr timespec pause = {0, 10'000'000};
    for (int tries = 200; ::flock(file, LOCK_EX | LOCK_NB) < 0; --tries) {
        if (errno != EWOULDBLOCK || !tries)
            return errno;
        if (interrupted())
            return EINTR;
        ::nanosleep(&pause, nullptr);
    }
    return 0;
}

/// Open for this process alone. Who replaces the file by a shorter one holds the lock of both.
Result<Fd> locked(const std::string &path)
{
    for (;;) {
        Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600));
        if (!file)
            return failure(errno, "{}: {}", printable(path), std::strerror(errno));
        struct stat status;
        if (::fstat(file.get(), &status) == 0 && !S_ISREG(status.st_mode))
            return refused(path, "a journal is a regular file, and this is none");
        if (const int code = lock_soon(file.get()); code == EWOULDBLOCK)
            return failure(EBUSY, "{}: another process works with this journal (give each one of its own)",
                           printable(path));
        else if (code)
            return failure(code, "{}: it cannot be locked: {}", printable(path), std::strerror(code));
        if (is_at(path, file.get()))
            return file;
    }
}

} // namespace

Error Journal::error(std::string_view what, int code) const
{
    return failure(code, "{}: {}: {}", printable(path_), what, std::strerror(code));
}

Result<Journal> Journal::open(const std::string &path, const Address &queue)
{
    Fd file = IPC_TRY(locked(path));
    const std::unique_ptr<char, void (*)(void *)> real(::realpath(path.c_str(), nullptr), std::free);
    Journal journal(std::move(file), real ? real.get() : path, queue.text());
    struct stat status;
    if (::fstat(journal.file_.get(), &status) < 0)
        return journal.error("its size is not known", errno);
    const auto size = std::uint64_t(status.st_size);
    std::string contents;
    if (const int code = read_from_start(journal.file_.get(), std::min<std::uint64_t>(size, sizeof(Header)), contents))
        return journal.error("it cannot be read", code);
    if (IPC_TRY(journal.is_new(contents))) {
        IPC_TRY(journal.begin());
        return journal;
    }
    if (const int code = read_from_start(journal.file_.get(), size, contents))
        return journal.error("it cannot be read", code);
    IPC_TRY(journal.take_up(contents));
    return journal;
}

Journal::~Journal()
{
    if (file_ && pending_.empty() && end_ > start())
        (void)shorten(start());
}

/// Empty, or cut off while it was made; an error if it is something else.
Result<bool> Journal::is_new(std::string_view start) const
{
    const std::string_view magic(header_form.magic, sizeof header_form.magic);
    if (start.substr(0, magic.size()) != magic.substr(0, start.size()))
        return refused(path_, "it is not a journal, and stays as it is (name a file that does not exist yet)");
    return start.size() < sizeof(Header);
}

std::string Journal::header() const { return journal::header(number_, address_); }

std::uint64_t Journal::start() const { return header_size(address_.size()); }

Result<void> Journal::begin()
{
    if (::getrandom(&number_, sizeof number_, 0) != sizeof number_)
        return error("no random number", errno);
    IPC_TRY(shorten(0));
    IPC_TRY(append(header()));
    IPC_TRY(sync());
    sync_directory(path_);
    return {};
}

Result<void> Journal::take_up(std::string_view contents)
{
    Header header;
    std::memcpy(&header, contents.data(), sizeof header);
    if (header.version != header_form.version)
        return refused(path_, "it is a journal of another version of ipcutils, and stays as it is");
    const std::string_view address = contents.substr(sizeof header, header.address_length);
    if (contents.size() < sizeof header + aligned(header.address_length)) {
        // Cut off while it was made: nothing was kept in it yet.
        if (contents.size() - sizeof header > aligned(address_.size()))
            return refused(path_, "it is damaged, and stays as it is (name a file that does not exist yet)");
        return begin();
    }
    if (!journal::is_sound(header, address))
        return refused(path_, "it is damaged, and stays as it is (name a file that does not exist yet)");
    if (address != address_)
        return failure(EINVAL, "{}: it is the journal of {}, and stays as it is (give each queue one of its own)",
                       printable(path_), printable(address));
    number_ = header.number;
    end_ = start();
    remove_side_file();
    return recover(contents);
}

Result<void> Journal::recover(std::string_view contents)
{
    while (const std::optional<Record> record = record_at(contents, end_, number_)) {
        if (record->head.state == pending_state) {
            pending_[next_entry_] = {end_, record->size};
            pending_bytes_ += record->size;
            left_.push_back(message_of(*record));
            left_.back().entry = next_entry_++;
        }
        end_ += record->size;
    }
    if (end_ == contents.size())
        return {};
    if (has_record_behind(contents, end_, number_))
        return failure(EINVAL, "{}: it is damaged at byte {} and sound behind, and stays as it is (keep it aside)",
                       printable(path_), end_);
    notice(fmt::format("{}: its last {} bytes were cut off by a crash before they were a message, and are dropped",
                       printable(path_), contents.size() - end_));
    return shorten(end_);
}

Result<void> Journal::shorten(std::uint64_t size)
{
    if (::ftruncate(file_.get(), off_t(size)) < 0)
        return error("it cannot be shortened", errno);
    end_ = size;
    return {};
}

Result<void> Journal::append(std::string_view first, std::string_view second, std::string_view third)
{
    iovec parts[] = {part(first), part(second), part(third)};
    if (const int code = write_at(file_.get(), parts, end_)) {
        (void)shorten(end_);
        return error("it cannot be written", code);
    }
    end_ += first.size() + second.size() + third.size();
    return {};
}

Result<void> Journal::sync()
{
    if (::fdatasync(file_.get()) < 0)
        return error("it cannot be brought to disk", errno);
    return {};
}

TakenMessage Journal::take_left()
{
    TakenMessage message = std::move(left_.front());
    left_.pop_front();
    return message;
}

Result<void> Journal::add(TakenMessage &message)
{
    const RecordHead head = record_head(number_, message);
    const std::string_view padding("\0\0\0\0\0\0\0", aligned(message.bytes.size()) - message.bytes.size());
    const std::uint64_t size = sizeof head + aligned(message.bytes.size());
    const auto place = pending_.try_emplace(next_entry_).first; // nothing is left to fail behind the writing
    const auto write = [&] { return append(image(head), message.bytes, padding); };
    Result<void> written = write();
    if (!written && pending_.size() == 1 && shorten(start())) // what is done makes way
        written = write();
    if (!written) {
        pending_.erase(place);
        return written;
    }
    place->second = {end_ - size, size};
    pending_bytes_ += size;
    message.entry = next_entry_++;
    return {};
}

Result<void> Journal::done(TakenMessage &message)
{
    const auto place = pending_.find(message.entry);
    if (place == pending_.end())
        return {};
    if (const int code = write_at(file_.get(), image(done_state), place->second.offset))
        return error("it cannot be written", code);
    pending_bytes_ -= place->second.size;
    pending_.erase(place);
    message.entry = 0;
    tidy();
    return {};
}

/// A file that cannot be tidied only grows on.
void Journal::tidy()
{
    if (end_ - start() - pending_bytes_ < most_done)
        return;
    if (pending_.empty()) {
        if (shorten(start()))
            (void)sync(); // before anything is written where the done ones were
    } else if (pending_bytes_ < most_done) {
        (void)within_memory([&] { return rewrite(); });
    }
}

std::string Journal::side_path() const
{
    return fmt::format("{}.ipc-journal-{:016x}", path_.substr(0, path_.rfind('/') + 1), number_);
}

/// What was killed while it stood there has this journal's header, or the beginning of it. Nothing else is touched.
void Journal::remove_side_file() const
{
    const std::string path = side_path(), ours = header();
    const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat status;
    std::string contents;
    if (file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
        read_from_start(file.get(), std::min<std::uint64_t>(std::uint64_t(status.st_size), ours.size()), contents) ==
            0 &&
        ours.starts_with(contents))
        ::unlink(path.c_str());
}

/// What is pending, in a new file that takes the place of this one.
Result<void> Journal::rewrite()
{
    std::string contents = header();
    std::map<std::uint64_t, Place> places;
    for (const auto &[entry, place] : pending_) {
        places[entry] = {contents.size(), place.size};
        contents.resize(contents.size() + place.size);
        if (::pread(file_.get(), contents.data() + places[entry].offset, place.size, off_t(place.offset)) !=
            ssize_t(place.size))
            return error("it cannot be read", EIO);
    }
    if (!is_at(path_, file_.get())) // what else has its name by now is somebody's
        return error("it cannot be rewritten", ESTALE);
    SideFile next(side_path());
    if (const int code = next.take_the_place_of(path_, contents))
        return error("it cannot be rewritten", code);
    sync_directory(path_);
    file_ = next.release();
    pending_ = std::move(places);
    end_ = contents.size();
    return {};
}

} // namespace ipc
