// SPDX-License-Identifier: MIT
// posix-sem: those that exist in /dev/shm, who has them mapped, and how many wait.
#include "holders.hpp"
#include "posix_sem.hpp"
#include "semaphore_file.hpp"

#include <ipc/shm_directory.hpp>

#include <algorithm>
#include <optional>
#include <string>

using namespace ipc;

namespace {

constexpr std::string_view prefix = "sem.";

using Image = std::optional<SemaphoreImage>;

/// Read without touching it; nothing if this user may not, or it is cut off.
Result<Image> read_image(int directory, const char *path)
{
    const Fd file(::openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    SemaphoreImage image;
    if (!file)
        IPC_TRY(only_denied(errno));
    const ssize_t length = file ? ::pread(file.get(), &image, sizeof image, 0) : 0;
    if (length < 0)
        return Error::system("it cannot be read");
    return length == sizeof image ? Image(image) : Image();
}

std::uint64_t slots_of(const SemaphoreImage &image)
{
    return std::memcmp(image.tag, slot_tag, sizeof slot_tag) == 0 ? std::min<std::uint64_t>(image.slots, most_slots)
                                                                  : 0;
}

/// Its value, waiters and slots.
void describe_image(const std::optional<SemaphoreImage> &image, ipc_object &object, char (&detail)[32])
{
    if (!image) {
        object.flags |= IPC_OBJECT_DENIED;
        return;
    }
    object.value = image->word & UINT32_MAX;
    object.waiters = image->word >> 32;
    const std::uint64_t slots = slots_of(*image);
    if (slots < 2)
        return;
    std::snprintf(detail, sizeof detail, "%u slots", static_cast<unsigned>(slots));
    object.detail = detail;
}

/// Those who are written down, as long as they live. When somebody locked it is known if it was the last one to do so.
bool emit_lockers(const char *name, const struct statx &status, std::uint64_t slots, const Emit<ipc_party> &emit)
{
    const Holders::Glance glance = Holders::glance(name, status, slots);
    const std::uint64_t space = process_space();
    ipc_party party;
    ipc_party_clear(&party);
    party.role = IPC_ROLE_HAS_LOCKED;
    party.flags = IPC_PARTY_CERTAIN;
    party.identity = identity_of(status);
    party.since = slots == 1 ? glance.written : IPC_NO_TIME;
    for (const Place &place : glance.places) {
        if (place.state != PlaceState::held || has_ended(place.process))
            continue;
        party.process = place.process.process;
        party.space = place.process.space == space ? 0 : place.process.space;
        if (!emit(party))
            return false;
    }
    return true;
}

/// Call `take(directory, leaf, name, status)` for each until it is false.
template <typename Take> Result<void> each_semaphore(Take &&take)
{
    return each_shm_file([&](int directory, const char *leaf, const struct statx &status) -> Result<bool> {
        if (!std::string_view(leaf).starts_with(prefix) || status.stx_size != sizeof(sem_t))
            return true;
        const PosixName name(leaf + prefix.size());
        return take(directory, leaf, name.text(), status);
    });
}

Result<bool> emit_semaphore(int directory, const char *path, const char *name, const struct statx &status,
                            const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    char detail[32];
    object.name = name;
    describe_file(status, object);
    describe_image(IPC_TRY(read_image(directory, path)), object, detail);
    return emit(object);
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        return each_semaphore([&](int directory, const char *leaf, const char *name, const struct statx &status) {
            return emit_semaphore(directory, leaf, name, status, emit);
        });
    }

    static Result<void> parties(const Emit<ipc_party> &emit)
    {
        return each_semaphore(
            [&](int directory, const char *leaf, const char *name, const struct statx &status) -> Result<bool> {
                const Image image = IPC_TRY(read_image(directory, leaf));
                return !image || emit_lockers(name, status, slots_of(*image), emit);
            });
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        const std::string path = std::string(shm_directory) + '/' + semaphore_leaf(address.name).text();
        struct statx status;
        if (const int code = file_status(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, status))
            return lookup_error(code);
        IPC_TRY(expect_regular(status.stx_mode));
        IPC_TRY(emit_semaphore(AT_FDCWD, path.c_str(), PosixName(address.name).text(), status, emit));
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim) { return claim_shm_file(sight, claim); }
};

} // namespace

const ipc_inspect_v1 posix_sem::inspect = inspect_table<Inspection>();
