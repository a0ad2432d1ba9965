// SPDX-License-Identifier: MIT
// mutex: those that exist in /dev/shm, and who has them mapped.
#include "image.hpp"
#include "mutex.hpp"

#include <ipc/shm_directory.hpp>

#include <string>

using namespace ipc;

namespace {

/// What is read of a mutex without touching it: its first bytes.
struct Facts {
    bool readable = false;
    bool is_mutex = false;
    std::uint64_t parties = 0;
    std::uint32_t word = 0;
};

Facts read_facts(int directory, const char *leaf, std::uint64_t bytes)
{
    Facts facts;
    const Fd file(::openat(directory, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    alignas(Image) char image[offsetof(Image, arrivals)];
    facts.readable = bool(file);
    if (!file || ::pread(file.get(), image, sizeof image, 0) != static_cast<ssize_t>(sizeof image))
        return facts;
    ImageHeader header;
    std::memcpy(&header, image, sizeof header);
    std::memcpy(&facts.word, image + offsetof(Image, mutex), sizeof facts.word);
    const Result<std::uint64_t> parties = check_header(header, bytes);
    facts.is_mutex = parties.ok();
    facts.parties = parties ? parties.value() : 0;
    return facts;
}

bool emit_mutex(const Facts &facts, const char *name, const struct statx &status, const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    char detail[48];
    object.name = name;
    describe_file(status, object);
    if (!facts.readable)
        object.flags |= IPC_OBJECT_DENIED;
    else if (facts.parties == 0)
        object.value = facts.word & FUTEX_TID_MASK ? 0 : 1;
    if (facts.parties) {
        std::snprintf(detail, sizeof detail, "barrier for %llu", static_cast<unsigned long long>(facts.parties));
        object.detail = detail;
    }
    return emit(object);
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        return each_shm_file([&](int directory, const char *leaf, const struct statx &status) {
            if (!LeafName::name_of(leaf))
                return true;
            const Facts facts = read_facts(directory, leaf, status.stx_size);
            const PosixName name(LeafName::name_of(leaf));
            return (facts.readable && !facts.is_mutex) || emit_mutex(facts, name.text(), status, emit);
        });
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        const std::string path = std::string(shm_directory) + '/' + LeafName(address.name).text();
        struct statx status;
        if (const int code = file_status(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, status))
            return lookup_error(code);
        IPC_TRY(expect_regular(status.stx_mode));
        emit_mutex(read_facts(AT_FDCWD, path.c_str(), status.stx_size), PosixName(address.name).text(), status, emit);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim) { return claim_shm_file(sight, claim); }
};

} // namespace

const ipc_inspect_v1 mutex::inspect = inspect_table<Inspection>();
