// SPDX-License-Identifier: MIT
// boost-shm: which files in /dev/shm are managed segments, and who holds them. posix-shm lists the same files, since
// they are that too; here they show what is used inside.
#include "boost_shm.hpp"
#include "structure.hpp"

#include <ipc/shm_directory.hpp>

namespace {

using boost_shm::Header;
using boost_shm::Target;
using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::Result;

std::string detail_of(const Header &header)
{
    const std::uint64_t count = header.named.count + header.unique.count;
    std::string detail = std::to_string(count) + (count == 1 ? " object" : " objects");
    if (std::string lock = boost_shm::lock_state(header); !lock.empty())
        detail += ", its lock is " + lock;
    return detail;
}

/// `header` is NULL where this user may not read it.
bool emit_segment(const char *leaf, const struct statx &status, const Result<Header> *header,
                  const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    ipc::describe_file(status, object);
    object.name = leaf;
    object.used = IPC_UNKNOWN;
    if (!header) {
        object.flags = IPC_OBJECT_DENIED;
        return emit(object);
    }
    Result<void> sound = *header ? check_header(header->value(), object.capacity) : header->error();
    if (sound)
        object.used = boost_shm::used_bytes(header->value());
    std::string detail = sound ? detail_of(header->value()) : sound.error().text();
    object.detail = detail.c_str();
    return emit(object);
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES;

    /// What may not be read is not listed, since nobody can tell what it is; posix-shm shows that it is there.
    static Result<void> list(const Emit<ipc_object> &emit)
    {
        return ipc::each_shm_file([&](int directory, const char *leaf, struct statx status) -> Result<bool> {
            // A name with '#' cannot be addressed here.
            if (status.stx_size < boost_shm::least_bytes || std::strchr(leaf, '#'))
                return true;
            Fd file = ipc::open_unnoticed(directory, leaf, status);
            if (!file)
                return ipc::only_denied(errno);
            Result<Header> header = boost_shm::read_header(file.get(), status.stx_size);
            if (!header && header.error().code() != EINVAL && header.error().code() != EBADMSG)
                return header.error();
            if (const int code = ipc::file_status(file.get(), status))
                return Error::system("it cannot be looked at", code);
            if (!header || !is_recognized(*header))
                return true;
            return emit_segment(leaf, status, &header, emit);
        });
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        Target target(address.name);
        if (target.object)
            return Error::of(EINVAL, "it means an object inside a segment (leave out # and the rest)");
        ipc::ShmPath path(target.segment);
        struct statx status;
        if (int code = ipc::file_status(AT_FDCWD, path.text(), AT_SYMLINK_NOFOLLOW, status))
            return ipc::lookup_error(code);
        IPC_TRY(ipc::expect_regular(status.stx_mode));
        Fd file = ipc::open_unnoticed(AT_FDCWD, path.text(), status);
        if (!file)
            IPC_TRY(ipc::only_denied(errno));
        bool is_readable = file && ipc::file_status(file.get(), status) == 0 && S_ISREG(status.stx_mode);
        Result<Header> header = boost_shm::read_header(file.get(), is_readable ? status.stx_size : 0);
        emit_segment(target.segment.leaf(), status, is_readable ? &header : nullptr, emit);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim) { return ipc::claim_shm_file(sight, claim); }
};

} // namespace

const ipc_inspect_v1 boost_shm::inspect = ipc::inspect_table<Inspection>();
