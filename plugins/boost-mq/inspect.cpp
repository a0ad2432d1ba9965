// SPDX-License-Identifier: MIT
// boost-mq: which files in /dev/shm are queues, and who holds them. posix-shm lists the same files, since they are that
// too.
#include "boost_mq.hpp"

#include <ipc/shm_directory.hpp>

namespace {

using boost_mq::Header;
using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::PosixName;
using ipc::Result;

std::string counted(std::uint64_t count, const char *what)
{
    return std::to_string(count) + ' ' + what + (count == 1 ? " waits" : "s wait");
}

/// Who waits at Boost's condition variables is counted by themselves, those that died meanwhile too.
std::string detail_of(const Header &header)
{
    std::string detail = ipc::state_of(header.mutex);
    if (!detail.empty())
        detail.insert(0, "its lock is ");
    for (const auto &[count, what] :
         {std::pair{header.blocked_receivers, "receiver"}, std::pair{header.blocked_senders, "sender"}})
        if (count)
            detail += (detail.empty() ? "" : ", ") + counted(count, what);
    return detail;
}

/// `header` is NULL where this user may not read it.
bool emit_queue(const char *leaf, const struct statx &status, const Result<Header> *header,
                const Emit<ipc_object> &emit)
{
    ipc_object object;
    ipc_object_clear(&object);
    ipc::describe_file(status, object);
    object.name = leaf;
    object.capacity = object.used = IPC_UNKNOWN;
    if (!header) {
        object.flags = IPC_OBJECT_DENIED;
        return emit(object);
    }
    const Result<boost_mq::Layout> layout =
        *header ? boost_mq::check_header(header->value(), status.stx_size) : Result<boost_mq::Layout>(header->error());
    const std::string detail = layout ? detail_of(header->value()) : layout.error().text();
    object.detail = detail.empty() ? nullptr : detail.c_str();
    if (layout) {
        object.max_messages = layout->max_messages;
        object.max_message_size = layout->max_message_size;
        object.capacity = layout->max_messages * layout->max_message_size;
        object.messages = (*header)->count;
        if (object.messages == 0)
            object.used = 0;
    }
    return emit(object);
}

struct Inspection {
    static constexpr std::uint32_t claims = IPC_CLAIMS_MAPPINGS | IPC_CLAIMS_REGULAR_FILES;

    /// What may not be read is not listed, since nobody can tell what it is; posix-shm shows that it is there.
    static Result<void> list(const Emit<ipc_object> &emit)
    {
        return ipc::each_shm_file([&](int directory, const char *leaf, struct statx status) -> Result<bool> {
            if (status.stx_size < sizeof(Header))
                return true;
            Fd file = ipc::open_unnoticed(directory, leaf, status);
            if (!file)
                return ipc::only_denied(errno);
            Result<Header> header = boost_mq::read_header(file.get(), status.stx_size);
            if (!header && header.error().code() != EINVAL && header.error().code() != EBADMSG)
                return header.error();
            if (const int code = ipc::file_status(file.get(), status))
                return Error::system("it cannot be looked at", code);
            if (!header || !is_recognized(header.value(), status.stx_size))
                return true;
            return emit_queue(leaf, status, &header, emit);
        });
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        const PosixName name(address.name);
        const ipc::ShmPath path(name);
        struct statx status;
        if (const int code = ipc::file_status(AT_FDCWD, path.text(), AT_SYMLINK_NOFOLLOW, status))
            return ipc::lookup_error(code);
        IPC_TRY(ipc::expect_regular(status.stx_mode));
        Fd file = ipc::open_unnoticed(AT_FDCWD, path.text(), status);
        if (!file)
            IPC_TRY(ipc::only_denied(errno));
        const bool is_readable = file && ipc::file_status(file.get(), status) == 0 && S_ISREG(status.stx_mode);
        Result<Header> header = boost_mq::read_header(file.get(), is_readable ? status.stx_size : 0);
        emit_queue(name.leaf(), status, is_readable ? &header : nullptr, emit);
        return {};
    }

    static bool claim(const ipc_sight &sight, ipc_claim &claim) { return ipc::claim_shm_file(sight, claim); }
};

} // namespace

const ipc_inspect_v1 boost_mq::inspect = ipc::inspect_table<Inspection>();
