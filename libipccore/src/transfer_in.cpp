// SPDX-License-Identifier: MIT
#include "descriptors.hpp"
#include "error.hpp"
#include "transfer.hpp"
#include "transfer_parts.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

namespace ipc {
namespace {

Result<bool> has_more(int fd)
{
    char byte = 0;
    ssize_t count = 0;
    do
        count = read(fd, &byte, 1);
    while (count < 0 && should_retry_at(fd, POLLIN));
    if (count < 0)
        return failure(errno, "reading the input: {}", std::strerror(errno));
    return count > 0;
}

/// Touches the pages that a long input will go to a little ahead of it, while its writer fills the pipe: many at once
/// cost half of what a fault for each does. A short input touches what it writes, and nothing else.
class PagesAhead {
public:
    explicit PagesAhead(std::span<std::byte> memory) : memory_(memory) {}
    void touch(std::uint64_t copied)
    {
        if (copied < copy_chunk || copied + copy_chunk <= touched_)
            return;
        const auto page = static_cast<std::uintptr_t>(getpagesize());
        const std::uint64_t from = std::max(copied, touched_);
        touched_ = std::min<std::uint64_t>(copied + 2 * copy_chunk, memory_.size());
        const std::uintptr_t inside = reinterpret_cast<std::uintptr_t>(memory_.data() + from) % page;
        (void)madvise(memory_.data() + from - inside, inside + touched_ - from, MADV_POPULATE_WRITE);
    }

private:
    std::span<std::byte> memory_;
    std::uint64_t touched_ = 0;
};

/// The mapping itself.
class MappedDestination : public Destination {
public:
    MappedDestination(Segment &segment, std::span<std::byte> memory)
        : segment_(segment), memory_(memory), ahead_(memory)
    {
    }
    std::span<std::byte> room(std::uint64_t copied, std::uint64_t length) override
    {
        ahead_.touch(copied);
        return memory_.subspan(copied, length);
    }
    Result<std::uint64_t> take(std::uint64_t offset, std::span<const std::byte> bytes) override
    {
        const ipc_segment_status now = IPC_TRY(segment_.status());
        return now.bytes < offset + bytes.size() ? now.bytes - std::min(now.bytes, offset) : bytes.size();
    }

private:
    Segment &segment_;
    std::span<std::byte> memory_;
    PagesAhead ahead_;
};

/// A buffer, written to the descriptor, or by the mechanism where there is none.
class CopyingDestination : public Destination {
public:
    CopyingDestination(Segment &segment, int descriptor) : segment_(segment), descriptor_(descriptor) {}
    std::span<std::byte> room(std::uint64_t, std::uint64_t length) override
    {
        return std::span(buffer_).first(std::min<std::uint64_t>(length, buffer_.size()));
    }
    Result<std::uint64_t> take(std::uint64_t offset, std::span<const std::byte> bytes) override
    {
        return write_into(segment_, descriptor_, bytes, offset);
    }

private:
    Segment &segment_;
    int descriptor_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(copy_chunk);
};

Result<std::unique_ptr<Destination>> destination(Segment &segment, std::uint64_t offset, std::uint64_t room,
                                                 Target target)
{
    const ipc_segment_status now = IPC_TRY(segment.status());
    if (target == Target::fresh && is_writable(now.descriptor))
        return std::make_unique<CopyingDestination>(segment, now.descriptor);
    if (!segment.mappable())
        return std::make_unique<CopyingDestination>(segment, -1);
    const std::span<std::byte> memory = IPC_TRY(memory_up_to(segment, offset + room));
    return std::make_unique<MappedDestination>(segment, memory.subspan(offset, room));
}

} // namespace

Result<Copied> copy_to(Destination &to, int fd, Segment &segment, std::uint64_t offset, std::uint64_t room,
                       Progress *progress)
{
    if (is_pipe(fd))
        grow_pipe(fd);
    std::uint64_t copied = 0;
    while (copied < room) {
        const std::span<std::byte> piece = to.room(copied, std::min<std::uint64_t>(room - copied, copy_chunk));
        const ssize_t count = read(fd, piece.data(), piece.size());
        if (count < 0) {
            if (should_retry_at(fd, POLLIN))
                continue;
            return failed_at(segment, "reading the input", offset + copied);
        }
        if (count == 0)
            return Copied{copied, false};
        const auto bytes = piece.first(static_cast<std::size_t>(count));
        if (const std::uint64_t taken = IPC_TRY(to.take(offset + copied, bytes)); taken < bytes.size())
            return truncated(segment, offset + copied + taken);
        copied += bytes.size();
        if (progress)
            progress->at(copied);
    }
    return Copied{copied, IPC_TRY(has_more(fd))};
}

Result<Copied> copy_in(int fd, Segment &segment, std::uint64_t offset, std::uint64_t room, Target target,
                       Progress *progress)
{
    const bool has_memory = is_writable(IPC_TRY(segment.status()).descriptor) || segment.mappable();
    if (const std::uint64_t size = bytes_to_come(fd).value_or(0); size > 0 && target == Target::fresh && has_memory) {
        const std::uint64_t copied = IPC_TRY(copy_file_in(fd, segment, offset, std::min(size, room), progress));
        return Copied{copied, copied == room && IPC_TRY(has_more(fd))};
    }
    const std::unique_ptr<Destination> to = IPC_TRY(destination(segment, offset, room, target));
    return copy_to(*to, fd, segment, offset, room, progress);
}

std::optional<std::uint64_t> bytes_to_come(int fd)
{
    struct stat status = {};
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return std::nullopt;
    const off_t position = lseek(fd, 0, SEEK_CUR);
    return position < 0 || position > status.st_size ? 0 : static_cast<std::uint64_t>(status.st_size - position);
}

} // namespace ipc
