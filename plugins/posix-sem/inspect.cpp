// SPDX-License-Identifier: MIT
// posix-sem: those that exist in /dev/shm, who has them mapped, and how many wait.
#include "posix_sem.hpp"
#include "semaphore_file.hpp"

#include <ipc/shm_directory.hpp>

#include <string>

using namespace ipc;

namespace {

constexpr std::string_view prefix = "sem.";

/// Its value, waiters and slots, read without touching it.
void read_image(int directory, const char *path, ipc_object &object, char (&detail)[32])
{
    const Fd file(::openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    SemaphoreImage image;
    if (!file || ::pread(file.get(), &image, sizeof image, 0) != sizeof image) {
        object.flags |= IPC_OBJECT_DENIED;
        return;
    }
    object.value = image.word & UINT32_MAX;
    object.waiters = image.word >> 32;
    if (std::memcmp(image.tag, slot_tag, sizeof slot_tag) != 0 || image.slots < 2)
        return;
    std::snprintf(detail, sizeof detail, "%u slots", image.slots);
    object.detail = detail;
}

bool emit_semaphore(int directory, const char *path, const char *name, const struct statx &status,
                    const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    char detail[32];
    object.name = name;
    describe_file(status, object);
    read_image(directory, path, object, detail);
    return emit(object);
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        return each_shm_file([&](int directory, const char *leaf, const struct statx &status) {
            if (!std::string_view(leaf).starts_with(prefix) || status.stx_size != sizeof(sem_t))
                return true;
            const PosixName name(leaf + prefix.size());
            return emit_semaphore(directory, leaf, name.text(), status, emit);
        });
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        const std::string path = std::string(shm_directory) + '/' + semaphore_leaf(address.name).text();
        struct statx status;
        if (const int code = file_status(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, status))
            return lookup_error(code);
        IPC_TRY(expect_regular(status.stx_mode));
        emit_semaphore(AT_FDCWD, path.c_str(), PosixName(address.name).text(), status, emit);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim) { return claim_shm_file(sight, claim); }
};

} // namespace

const ipc_inspect_v1 posix_sem::inspect = inspect_table<Inspection>();
