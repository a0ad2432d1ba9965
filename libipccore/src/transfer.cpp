// SPDX-License-Identifier: MIT
#include "transfer.hpp"

#include "error.hpp"
#include "interruption.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace ipc {
namespace {

constexpr std::size_t chunk = 1 << 20;
// Smaller than the pipe, so that its reader works while the next pages are being pinned.
constexpr std::size_t vmsplice_chunk = 128 << 10;
// Smaller than the pipe too, so that its writer works while the next pages are being touched.
constexpr std::size_t read_chunk = 256 << 10;

bool is_pipe(int fd)
{
    struct stat status = {};
    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

/// The size of the pipe matters as much as the call: at 64 KiB both sides sleep and wake for every 16 pages.
void grow_pipe(int fd)
{
    int largest = chunk;
    if (const Fd setting(open("/proc/sys/fs/pipe-max-size", O_RDONLY | O_CLOEXEC)); setting) {
        char text[24] = {};
        if (read(setting.get(), text, sizeof text - 1) > 0)
            largest = std::atoi(text);
    }
    if (fcntl(fd, F_GETPIPE_SZ) < largest)
        (void)fcntl(fd, F_SETPIPE_SZ, largest);
}

Error truncated(const Segment &segment, std::uint64_t offset)
{
    return located(segment.address().text(),
                   failure(EIO, "somebody made it smaller: nothing left at offset {} (try again)", offset));
}

/// `what` was being done when the segment stood at `offset`; errno tells the rest.
Error failed_at(const Segment &segment, const char *what, std::uint64_t offset)
{
    if (errno == EFAULT)
        return truncated(segment, offset);
    if (errno == EINTR)
        return failure(EINTR, "interrupted at offset {}", offset);
    return failure(errno, "{}: {} (at offset {}): {}", segment.address().text(), what, offset, std::strerror(errno));
}

bool should_retry() { return errno == EINTR && !interrupted(); }

/// A segment without a descriptor as a file: the kernel's own entry for its mapping. Needs CAP_CHECKPOINT_RESTORE.
Fd open_mapping(std::span<std::byte> memory, std::uint64_t page_size)
{
    const auto start = reinterpret_cast<std::uintptr_t>(memory.data());
    const std::uintptr_t end = (start + memory.size() + page_size - 1) / page_size * page_size;
    return Fd(open(fmt::format("/proc/self/map_files/{:x}-{:x}", start, end).c_str(), O_RDONLY | O_CLOEXEC));
}

/// What remains to be written of a segment.
struct Rest {
    std::uint64_t offset;
    std::uint64_t length;

    void advance(std::uint64_t count)
    {
        offset += count;
        length -= count;
    }
};

/// Splice `rest` from `source`. False if this pair cannot be spliced: nothing is lost, another way goes on from `rest`.
Result<bool> splice_out(const Segment &segment, int source, Rest &rest, int pipe)
{
    while (rest.length > 0) {
        auto position = static_cast<off64_t>(rest.offset);
        const ssize_t count =
            splice(source, &position, pipe, nullptr, std::min<std::uint64_t>(rest.length, INT32_MAX), 0);
        if (count == 0)
            return truncated(segment, rest.offset);
        if (count > 0)
            rest.advance(static_cast<std::uint64_t>(count));
        else if (errno == EINVAL || errno == ENOSYS)
            return false;
        else if (!should_retry())
            return failed_at(segment, "writing to the output", rest.offset);
    }
    return true;
}

Result<bool> vmsplice_out(const Segment &segment, std::span<std::byte> memory, Rest &rest, int pipe)
{
    while (rest.length > 0) {
        const iovec pages = {memory.data() + rest.offset, std::min<std::uint64_t>(rest.length, vmsplice_chunk)};
        const ssize_t count = vmsplice(pipe, &pages, 1, 0);
        if (count > 0)
            rest.advance(static_cast<std::uint64_t>(count));
        else if (errno == EINVAL || errno == ENOSYS)
            return false;
        else if (!should_retry())
            return failed_at(segment, "writing to the output", rest.offset);
    }
    return true;
}

Result<void> write_out(Segment &segment, std::span<std::byte> memory, Rest &rest, int fd)
{
    while (rest.length > 0) {
        const ssize_t count = write(fd, memory.data() + rest.offset, std::min<std::uint64_t>(rest.length, chunk));
        if (count < 0) {
            if (should_retry())
                continue;
            return failed_at(segment, "writing to the output", rest.offset);
        }
        rest.advance(static_cast<std::uint64_t>(count));
        // Within the last page the kernel gives zeros for what was cut off, not EFAULT.
        if (const ipc_segment_status now = IPC_TRY(segment.status()); now.bytes < rest.offset)
            return truncated(segment, now.bytes);
    }
    return {};
}

/// All of the segment's memory, if it still reaches to `end`.
Result<std::span<std::byte>> memory_up_to(Segment &segment, std::uint64_t end)
{
    const std::span<std::byte> memory = IPC_TRY(segment.map());
    if (memory.size() < end)
        return truncated(segment, memory.size());
    return memory;
}

/// By reference to the pages. What it could not do is left in `rest`.
Result<void> splice_pages(Segment &segment, Rest &rest, int pipe)
{
    grow_pipe(pipe);
    const ipc_segment_status now = IPC_TRY(segment.status());
    if (now.descriptor >= 0) {
        IPC_TRY(splice_out(segment, now.descriptor, rest, pipe));
        return {};
    }
    const std::span<std::byte> memory = IPC_TRY(memory_up_to(segment, rest.offset + rest.length));
    if (const Fd mapping = open_mapping(memory, now.page_size); mapping)
        IPC_TRY(splice_out(segment, mapping.get(), rest, pipe));
    IPC_TRY(vmsplice_out(segment, memory, rest, pipe));
    return {};
}

} // namespace

Result<void> copy_out(Segment &segment, std::uint64_t offset, std::uint64_t length, int fd, Pages pages)
{
    Rest rest = {offset, length};
    if (pages == Pages::live && is_pipe(fd))
        IPC_TRY(splice_pages(segment, rest, fd));
    if (rest.length == 0)
        return {};
    const std::span<std::byte> memory = IPC_TRY(memory_up_to(segment, rest.offset + rest.length));
    return write_out(segment, memory, rest, fd);
}

namespace {
Result<bool> has_more(int fd)
{
    char byte = 0;
    ssize_t count = 0;
    do
        count = read(fd, &byte, 1);
    while (count < 0 && should_retry());
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
        if (copied < read_chunk || copied + read_chunk <= touched_)
            return;
        const auto page = static_cast<std::uintptr_t>(getpagesize());
        const std::uint64_t from = std::max(copied, touched_);
        touched_ = std::min<std::uint64_t>(copied + 2 * read_chunk, memory_.size());
        const std::uintptr_t inside = reinterpret_cast<std::uintptr_t>(memory_.data() + from) % page;
        (void)madvise(memory_.data() + from - inside, inside + touched_ - from, MADV_POPULATE_WRITE);
    }

private:
    std::span<std::byte> memory_;
    std::uint64_t touched_ = 0;
};
} // namespace

Result<Copied> copy_in(int fd, Segment &segment, std::uint64_t offset, std::uint64_t room)
{
    if (is_pipe(fd))
        grow_pipe(fd);
    const std::span<std::byte> memory = IPC_TRY(memory_up_to(segment, offset + room));
    PagesAhead ahead(memory.subspan(offset, room));
    std::uint64_t copied = 0;
    while (copied < room) {
        const std::uint64_t length = std::min<std::uint64_t>(room - copied, read_chunk);
        ahead.touch(copied);
        const ssize_t count = read(fd, memory.data() + offset + copied, length);
        if (count < 0) {
            if (should_retry())
                continue;
            return failed_at(segment, "reading the input", offset + copied);
        }
        if (count == 0)
            return Copied{copied, false};
        copied += static_cast<std::uint64_t>(count);
        if (const ipc_segment_status now = IPC_TRY(segment.status()); now.bytes < offset + copied)
            return truncated(segment, now.bytes);
    }
    return Copied{copied, IPC_TRY(has_more(fd))};
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
