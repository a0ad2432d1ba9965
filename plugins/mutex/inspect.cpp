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
    ProcessMark command;
    std::int64_t since = IPC_NO_TIME; ///< when the word's thread locked it

    std::uint32_t owner() const { return word & FUTEX_TID_MASK; }
};

template <typename Value> void take_member(Value &into, const char *image, std::size_t offset)
{
    std::memcpy(&into, image + offset, sizeof into);
}

Result<Facts> read_facts(int directory, const char *leaf, std::uint64_t bytes)
{
    Facts facts;
    const Fd file(::openat(directory, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (!file)
        IPC_TRY(only_denied(errno));
    alignas(Image) char image[offsetof(Image, arrivals)];
    facts.readable = bool(file);
    const ssize_t length = file ? ::pread(file.get(), image, sizeof image, 0) : 0;
    if (length < 0)
        return Error::system("it cannot be read");
    if (length != static_cast<ssize_t>(sizeof image))
        return facts;
    ImageHeader header;
    std::int64_t since;
    std::uint32_t locker;
    take_member(header, image, 0);
    take_member(facts.word, image, offsetof(Image, mutex));
    take_member(facts.command, image, offsetof(Image, command));
    take_member(since, image, offsetof(Image, since));
    take_member(locker, image, offsetof(Image, locker));
    if (locker && locker == facts.owner())
        facts.since = since;
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
        object.value = facts.owner() ? 0 : 1;
    if (facts.parties) {
        std::snprintf(detail, sizeof detail, "barrier for %llu", static_cast<unsigned long long>(facts.parties));
        object.detail = detail;
    }
    return emit(object);
}

/// The thread that has it, as the word says, and the command for which it was locked, which may outlive the thread.
bool emit_lockers(const Facts &facts, const struct statx &status, const Emit<ipc_party> &emit)
{
    ipc_party party;
    ipc_party_clear(&party);
    party.role = IPC_ROLE_HAS_LOCKED;
    party.identity = identity_of(status);
    party.thread = facts.owner();
    party.since = facts.since;
    if (facts.owner() && !emit(party))
        return false;
    if (!facts.command || has_ended(facts.command))
        return true;
    party.flags = IPC_PARTY_CERTAIN;
    party.thread = 0;
    party.process = facts.command.process;
    party.space = facts.command.space == process_space() ? 0 : facts.command.space;
    return emit(party);
}

/// Call `take(facts, name, status)` for each, and for what may be one and cannot be read, until it is false.
template <typename Take> Result<void> each_mutex(Take &&take)
{
    return each_shm_file([&](int directory, const char *leaf, const struct statx &status) -> Result<bool> {
        if (!LeafName::name_of(leaf))
            return true;
        const Facts facts = IPC_TRY(read_facts(directory, leaf, status.stx_size));
        const PosixName name(LeafName::name_of(leaf));
        return (facts.readable && !facts.is_mutex) || take(facts, name.text(), status);
    });
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES;

    static Result<void> list(const Emit<ipc_object> &emit)
    {
        return each_mutex([&](const Facts &facts, const char *name, const struct statx &status) {
            return emit_mutex(facts, name, status, emit);
        });
    }

    static Result<void> parties(const Emit<ipc_party> &emit)
    {
        return each_mutex([&](const Facts &facts, const char *, const struct statx &status) {
            return facts.parties || emit_lockers(facts, status, emit);
        });
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        const std::string path = std::string(shm_directory) + '/' + LeafName(address.name).text();
        struct statx status;
        if (const int code = file_status(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, status))
            return lookup_error(code);
        IPC_TRY(expect_regular(status.stx_mode));
        const Facts facts = IPC_TRY(read_facts(AT_FDCWD, path.c_str(), status.stx_size));
        emit_mutex(facts, PosixName(address.name).text(), status, emit);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim) { return claim_shm_file(sight, claim); }
};

} // namespace

const ipc_inspect_v1 mutex::inspect = inspect_table<Inspection>();
