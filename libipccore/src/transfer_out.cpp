// SPDX-License-Identifier: MIT
#include "descriptors.hpp"
#include "error.hpp"
#include "transfer.hpp"
#include "transfer_parts.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

namespace ipc {
namespace {

constexpr std::size_t write_chunk = 1 << 20;
// Smaller than the pipe, so that its reader works while the next pages are being pinned.
constexpr std::size_t vmsplice_chunk = 128 << 10;

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
    Progress *progress;
    std::uint64_t done = 0;

    void advance(std::uint64_t count)
    {
        offset += count;
        length -= count;
        done += count;
        if (progress)
            progress->at(done);
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
        else if (!should_retry_at(pipe, POLLOUT))
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
        else if (!should_retry_at(pipe, POLLOUT))
            return failed_at(segment, "writing to the output", rest.offset);
    }
    return true;
}

/// Write all of `bytes`, which lie at `offset` of the segment.
Result<void> write_all(const Segment &segment, std::span<const std::byte> bytes, std::uint64_t offset, int fd)
{
    while (!bytes.empty()) {
        const ssize_t count = write(fd, bytes.data(), bytes.size());
        if (count >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        } else if (!should_retry_at(fd, POLLOUT)) {
            return failed_at(segment, "writing to the output", offset);
        }
    }
    return {};
}

/// From the mapping, whose pages are looked up many at once: a fault for each would take as long as the copying.
Result<void> write_mapping(Segment &segment, std::span<std::byte> memory, Rest &rest, int fd)
{
    const auto page = static_cast<std::uintptr_t>(getpagesize());
    while (rest.length > 0) {
        const auto piece = memory.subspan(rest.offset, std::min<std::uint64_t>(rest.length, write_chunk));
        const std::uintptr_t inside = reinterpret_cast<std::uintptr_t>(piece.data()) % page;
        (void)madvise(piece.data() - inside, inside + piece.size(), MADV_POPULATE_READ);
        IPC_TRY(write_all(segment, piece, rest.offset, fd));
        rest.advance(piece.size());
        // Within the last page the kernel gives zeros for what was cut off, not EFAULT.
        if (const ipc_segment_status now = IPC_TRY(segment.status()); now.bytes < rest.offset)
            return truncated(segment, now.bytes);
    }
    return {};
}

/// Through a buffer, until `end` of the segment.
Result<void> write_copies(Segment &segment, std::span<std::byte> buffer, Rest &rest, std::uint64_t end, int fd)
{
    while (rest.offset < end) {
        const auto wanted = buffer.first(std::min<std::uint64_t>(end - rest.offset, buffer.size()));
        const std::size_t count = IPC_TRY(segment.read(rest.offset, wanted));
        if (count == 0)
            return truncated(segment, rest.offset);
        IPC_TRY(write_all(segment, wanted.first(count), rest.offset, fd));
        rest.advance(count);
    }
    return {};
}

/// Can what follows in the output be left out and so be a hole? In a regular file behind its end, where all is zero.
bool takes_holes(int fd)
{
    struct stat status = {};
    const int flags = fcntl(fd, F_GETFL);
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && flags >= 0 && !(flags & O_APPEND) &&
           lseek(fd, 0, SEEK_CUR) >= status.st_size;
}

/// Asked first, since looking for a hole goes over all pages of a file in memory.
bool has_holes(int file)
{
    struct stat status = {};
    constexpr off_t block = 512;
    return fstat(file, &status) == 0 && status.st_blocks * block < status.st_size;
}

/// Where the next data or hole of a file begins, from `offset` on; `end` if nothing is known of it.
std::uint64_t next_extent(int file, std::uint64_t offset, std::uint64_t end, int what)
{
    const off_t found = lseek(file, static_cast<off_t>(offset), what);
    if (found >= 0)
        return std::min(static_cast<std::uint64_t>(found), end);
    return what == SEEK_DATA && errno != ENXIO ? offset : end; // ENXIO: no more data
}

/// Leave out what is a hole in the segment, up to its next data. The length of the output follows.
Result<void> skip_hole(const Segment &segment, int source, Rest &rest, int fd)
{
    const std::uint64_t data = next_extent(source, rest.offset, rest.offset + rest.length, SEEK_DATA);
    if (data == rest.offset)
        return {};
    const off_t position = lseek(fd, static_cast<off_t>(data - rest.offset), SEEK_CUR);
    rest.advance(data - rest.offset);
    if (position < 0 || (rest.length == 0 && ftruncate(fd, position) < 0))
        return failed_at(segment, "writing to the output", rest.offset);
    return {};
}

Result<void> write_out(Segment &segment, Rest &rest, int fd)
{
    const ipc_segment_status now = IPC_TRY(segment.status());
    if (now.descriptor < 0 && segment.mappable())
        return write_mapping(segment, IPC_TRY(memory_up_to(segment, rest.offset + rest.length)), rest, fd);
    const bool sparse = now.descriptor >= 0 && takes_holes(fd) && has_holes(now.descriptor);
    std::vector<std::byte> buffer(std::min<std::uint64_t>(rest.length, copy_chunk));
    while (rest.length > 0) {
        std::uint64_t end = rest.offset + rest.length;
        if (sparse) {
            IPC_TRY(skip_hole(segment, now.descriptor, rest, fd));
            end = next_extent(now.descriptor, rest.offset, end, SEEK_HOLE);
        }
        IPC_TRY(write_copies(segment, buffer, rest, end, fd));
    }
    return {};
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
    if (!segment.mappable())
        return {};
    const std::span<std::byte> memory = IPC_TRY(memory_up_to(segment, rest.offset + rest.length));
    if (const Fd mapping = open_mapping(memory, now.page_size); mapping)
        IPC_TRY(splice_out(segment, mapping.get(), rest, pipe));
    IPC_TRY(vmsplice_out(segment, memory, rest, pipe));
    return {};
}

} // namespace

Result<void> copy_out(Segment &segment, std::uint64_t offset, std::uint64_t length, int fd, Progress *progress)
{
    Rest rest = {offset, length, progress};
    if (is_pipe(fd))
        IPC_TRY(splice_pages(segment, rest, fd));
    return rest.length == 0 ? Result<void>() : write_out(segment, rest, fd);
}

} // namespace ipc
