// SPDX-License-Identifier: MIT
#include "holders.hpp"

#include <ipc/checksum.hpp>
#include <ipc/descriptor_segment.hpp>
#include <ipc/shm_directory.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

using namespace ipc;

namespace {

struct Header {
    char magic[8];
    std::uint32_t version;
    std::uint32_t places;
    std::uint64_t inode;    ///< of the semaphore that it belongs to
    std::int64_t birth;     ///< and when that was made
    std::uint64_t checksum; ///< of what stands before
};

static_assert(sizeof(Header) == 40 && sizeof(Place) == 32); // see also ipc::is_no_segment()

constexpr char magic[8] = {'i', 'p', 'c', 'h', 'o', 'l', 'd', '\0'};
constexpr std::uint32_t version = 1;

std::uint64_t checksum_of(const Header &header) { return checksum(&header, offsetof(Header, checksum)); }

Header header_for(std::uint64_t slots, const ipc_identity &identity)
{
    Header header = {};
    std::memcpy(header.magic, magic, sizeof magic);
    header.version = version;
    header.places = static_cast<std::uint32_t>(slots ? slots : Holders::plain_places);
    header.inode = identity.number;
    header.birth = identity.birth;
    header.checksum = checksum_of(header);
    return header;
}

off_t offset_of(std::size_t index) { return static_cast<off_t>(sizeof(Header) + index * sizeof(Place)); }

/// Written for the presently only process that makes one.
Header header_to_write;

Result<void> write_header(int descriptor, std::uint64_t)
{
    if (::pwrite(descriptor, &header_to_write, sizeof header_to_write, 0) != sizeof header_to_write)
        return Error::system("writing down who has it");
    return {};
}

/// The file of that name, if it is one of this user's, of the semaphore's owner or of root. Nothing if there is none.
Result<Fd> open_file_of(const char *leaf, const struct statx &semaphore)
{
    char path[sizeof shm_directory + NAME_MAX + 1];
    std::snprintf(path, sizeof path, "%s/%s", shm_directory, leaf);
    Fd file(::open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (!file && errno == ENOENT)
        return Fd();
    struct statx status;
    if (!file || file_status(file.get(), status) != 0)
        return Error::of(errno, "%s, which says who has it, cannot be opened: %s (its owner may remove it)", path,
                         std::strerror(errno));
    IPC_TRY(expect_regular(status.stx_mode));
    if (status.stx_uid != semaphore.stx_uid && status.stx_uid != ::geteuid() && status.stx_uid != 0)
        return Error::of(EPERM,
                         "%s/%s, which says who has it, belongs to user %u and not to the semaphore's owner "
                         "(remove it)",
                         shm_directory, leaf, status.stx_uid);
    return file;
}

/// Was it made by this plugin, for whatever semaphore? Damage behind its first bytes does not matter.
bool is_list(int descriptor)
{
    char found[sizeof magic];
    return ::pread(descriptor, found, sizeof found, 0) == sizeof found && std::memcmp(found, magic, sizeof found) == 0;
}

/// The places, if the file has the header that it should have; none if not.
std::vector<Place> read_places(int descriptor, const Header &expected)
{
    Header header;
    std::vector<Place> places(expected.places);
    const std::size_t bytes = places.size() * sizeof(Place);
    if (::pread(descriptor, &header, sizeof header, 0) != sizeof header ||
        std::memcmp(&header, &expected, sizeof header) != 0 ||
        ::pread(descriptor, places.data(), bytes, offset_of(0)) != static_cast<ssize_t>(bytes))
        return {};
    return places;
}

Result<Fd> make_file(int directory, const char *leaf, const struct statx &semaphore, const Header &header)
{
    const bool give_away = ::geteuid() == 0;
    const ipc_ownership ownership = {sizeof ownership, semaphore.stx_mode & 0777u,
                                     give_away ? std::int64_t(semaphore.stx_uid) : -1,
                                     give_away ? std::int64_t(semaphore.stx_gid) : -1};
    header_to_write = header;
    return create_file(directory, leaf, static_cast<std::uint64_t>(offset_of(header.places)), ownership, shm_directory,
                       write_header);
}

/// What is there belongs to a semaphore that is gone, as long as the name means this one. What no plugin of this kind
/// has made is somebody's, and stays.
Result<void> give_way(int directory, const char *name, int file, const struct statx &semaphore)
{
    struct statx named, stale;
    const int code = file_status(directory, semaphore_leaf(name).text(), AT_SYMLINK_NOFOLLOW, named);
    if (code || !same_object(identity_of(named), identity_of(semaphore)))
        return Error::of(EIDRM, "it was removed meanwhile (create it again, or stop using it)");
    if (!is_list(file))
        return Error::of(EEXIST,
                         "%s/%s would say who has it, but holds something else (remove or rename that, or use a "
                         "semaphore of another name)",
                         shm_directory, holders_leaf(name).text());
    if (const int failed = file_status(file, stale))
        return Error::system("its status cannot be read", failed);
    const ipc_identity identity = identity_of(stale);
    return remove_file(directory, holders_leaf(name).text(), &identity);
}

} // namespace

Result<Holders> Holders::open(const char *name, const SemaphoreFile &semaphore)
{
    const struct statx &status = semaphore.status_when_opened();
    const Header header = header_for(semaphore.slots(), identity_of(status));
    const LeafName leaf = holders_leaf(name);
    Fd file = IPC_TRY(open_file_of(leaf.text(), status));
    std::vector<Place> places = file ? read_places(file.get(), header) : std::vector<Place>();
    if (!places.empty())
        return Holders(std::move(file), std::move(places));
    const Fd directory = IPC_TRY(open_shm_directory());
    if (file)
        IPC_TRY(give_way(directory.get(), name, file.get(), status));
    file = IPC_TRY(make_file(directory.get(), leaf.text(), status, header));
    return Holders(std::move(file), std::vector<Place>(header.places));
}

void Holders::remove(int directory, const char *name)
{
    const LeafName leaf = holders_leaf(name);
    const Fd file(::openat(directory, leaf.text(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    struct statx status;
    if (!file || file_status(file.get(), status) != 0 || !S_ISREG(status.stx_mode) || !is_list(file.get()))
        return;
    const ipc_identity identity = identity_of(status);
    (void)remove_file(directory, leaf.text(), &identity);
}

Holders::Glance Holders::glance(const char *name, const struct statx &semaphore, std::uint64_t slots)
{
    const std::string path = std::string(shm_directory) + '/' + holders_leaf(name).text();
    const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    struct statx status;
    if (!file || file_status(file.get(), status) != 0 || !S_ISREG(status.stx_mode) ||
        (status.stx_uid != semaphore.stx_uid && status.stx_uid != 0))
        return {};
    return {read_places(file.get(), header_for(slots, identity_of(semaphore))), time_of(status.stx_mtime)};
}

Result<void> Holders::write(std::size_t index, const Place &place)
{
    places_[index] = place;
    if (::pwrite(file_.get(), &place, sizeof place, offset_of(index)) != sizeof place)
        return Error::system("writing down who has it");
    return {};
}

bool Holders::is_held_by(std::size_t index, const ProcessMark &locker) const
{
    return index < places_.size() && places_[index].state == PlaceState::held &&
           places_[index].locker == static_cast<std::uint32_t>(locker.process) &&
           places_[index].process.space == locker.space;
}

/// Clear an unsettled place, raising the semaphore if it was lowered for it. That shows where it is known how much
/// there is in all: what is neither in the semaphore nor held is this. A semaphore of others, where it is not known, is
/// not raised: rather one less than one too many.
Result<void> Holders::give_back(SemaphoreFile &semaphore, std::size_t index)
{
    std::uint64_t held = 0;
    for (std::size_t i = 0; i < places_.size(); i++)
        held += i != index && places_[i].state == PlaceState::held;
    if (semaphore.value() + held < semaphore.slots())
        semaphore.give(1);
    return write(index, {});
}

Result<void> Holders::settle(SemaphoreFile &semaphore, bool dead)
{
    for (std::size_t i = 0; i < places_.size(); i++) {
        const Place place = places_[i];
        if (place.state == PlaceState::held && dead && has_ended(place.process))
            IPC_TRY(give(semaphore, i + 1, {place.locker, 0, place.process.space}));
        else if (place.state != PlaceState::held && place.state != PlaceState::free)
            IPC_TRY(give_back(semaphore, i));
    }
    return {};
}

Result<std::uint64_t> Holders::take(SemaphoreFile &semaphore, const ProcessMark &process)
{
    if (semaphore.value() == 0)
        return std::uint64_t(0);
    std::size_t index = 0;
    while (index < places_.size() && places_[index].state != PlaceState::free)
        index++;
    if (index == places_.size() && semaphore.slots())
        return std::uint64_t(0);
    if (index == places_.size())
        return Error::of(ENOSPC, "%zu processes have it already, more than can be written down", places_.size());
    const auto locker = static_cast<std::uint32_t>(process.process);
    IPC_TRY(write(index, {PlaceState::unsettled, locker, process}));
    if (!semaphore.take(1)) {
        IPC_TRY(write(index, {}));
        return std::uint64_t(0);
    }
    IPC_TRY(write(index, {PlaceState::held, locker, process}));
    return std::uint64_t(index + 1);
}

Result<void> Holders::give(SemaphoreFile &semaphore, std::uint64_t slot, const ProcessMark &locker)
{
    const std::size_t index = slot - 1;
    if (!is_held_by(index, locker))
        return {};
    Place place = places_[index];
    place.state = PlaceState::unsettled;
    IPC_TRY(write(index, place));
    if (semaphore.slots())
        return give_back(semaphore, index);
    if (!semaphore.give(1))
        return Error::of(EOVERFLOW, "its value would exceed %llu", static_cast<unsigned long long>(largest_value));
    return write(index, {});
}

Result<void> Holders::entrust(std::uint64_t slot, const ProcessMark &locker, const ProcessMark &process)
{
    const std::size_t index = slot - 1;
    if (!is_held_by(index, locker))
        return Error::of(EOWNERDEAD, "who locked it has died meanwhile");
    return write(index, {PlaceState::held, places_[index].locker, process});
}

bool Holders::has_strangers() const
{
    return std::ranges::any_of(
        places_, [](const Place &place) { return place.state == PlaceState::held && !is_of_own_space(place.process); });
}

Result<void> Holders::refresh()
{
    const std::size_t bytes = places_.size() * sizeof(Place);
    if (::pread(file_.get(), places_.data(), bytes, offset_of(0)) != static_cast<ssize_t>(bytes))
        return Error::of(EIO, "the list of who has it was cut off");
    return {};
}

namespace {

int set_guard(int descriptor, short type, int command)
{
    struct flock range = {};
    range.l_type = type;
    range.l_whence = SEEK_SET;
    return ::fcntl(descriptor, command, &range);
}

} // namespace

Result<HoldersLock> HoldersLock::lock(const SemaphoreFile &semaphore, const Deadline &deadline)
{
    constexpr std::int64_t second = 1'000'000'000;
    const int descriptor = semaphore.descriptor();
    int code = set_guard(descriptor, F_WRLCK, F_OFD_SETLK) == 0 ? 0 : errno;
    if (code == EAGAIN || code == EACCES) {
        const std::optional<std::int64_t> left = deadline.left();
        code = call_until(Deadline(left ? std::max(*left, second) : IPC_FOREVER),
                          [&] { return set_guard(descriptor, F_WRLCK, F_OFD_SETLKW); });
    }
    if (code == ETIMEDOUT)
        return Error::of(deadline.at_once() ? EAGAIN : ETIMEDOUT,
                         "another process keeps its file locked, so that nobody can be entered as its holder");
    if (code == EINTR)
        return Error::of(EINTR, "interrupted before it could be locked");
    if (code)
        return Error::system("locking its file", code);
    return HoldersLock(descriptor);
}

HoldersLock::~HoldersLock()
{
    if (descriptor_ >= 0)
        set_guard(descriptor_, F_UNLCK, F_OFD_SETLK);
}
