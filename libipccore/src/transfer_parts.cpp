// SPDX-License-Identifier: MIT
#include "transfer_parts.hpp"

#include "descriptors.hpp"
#include "error.hpp"
#include "interruption.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

namespace ipc {

Error truncated(const Segment &segment, std::uint64_t offset)
{
    return located(segment.address().text(),
                   failure(EIO, "somebody made it smaller: nothing left at offset {} (try again)", offset));
}

namespace {
/// Why the memory at `offset` cannot be touched: it has gone, or there is none to be had for what was a hole.
Error unreachable(const Segment &segment, std::uint64_t offset)
{
    const Result<ipc_segment_status> now = segment.status();
    if (!now || now.value().bytes <= offset)
        return truncated(segment, offset);
    struct statvfs system = {};
    if (now.value().descriptor < 0 || fstatvfs(now.value().descriptor, &system) != 0)
        return failure(ENOMEM, "{}: no memory is left for what lies at offset {}", segment.address().text(), offset);
    return failure(ENOSPC, "{}: no memory is left for what lies at offset {}: its file system has {} bytes free",
                   segment.address().text(), offset, std::uint64_t{system.f_bavail} * system.f_frsize);
}
} // namespace

Error failed_at(const Segment &segment, const char *what, std::uint64_t offset, int code)
{
    if (code == EFAULT)
        return unreachable(segment, offset);
    if (code == EINTR)
        return failure(EINTR, "interrupted at offset {}", offset);
    return failure(code, "{}: {} (at offset {}): {}", segment.address().text(), what, offset, write_failure(code));
}

Result<std::span<std::byte>> memory_up_to(Segment &segment, std::uint64_t end)
{
    const std::span<std::byte> memory = IPC_TRY(segment.map());
    if (memory.size() < end)
        return truncated(segment, memory.size());
    return memory;
}

bool should_stop() { return interrupted(); }

bool is_writable(int descriptor) { return descriptor >= 0 && pwrite(descriptor, nullptr, 0, 0) == 0; }

Result<void> write_at(const Segment &segment, int descriptor, std::span<const std::byte> bytes, std::uint64_t offset)
{
    while (!bytes.empty()) {
        const ssize_t count = pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        } else if (!should_retry()) {
            return failed_at(segment, "writing to the segment", offset);
        }
    }
    return {};
}

Result<std::uint64_t> write_into(Segment &segment, int descriptor, std::span<const std::byte> bytes,
                                 std::uint64_t offset)
{
    if (descriptor >= 0) {
        IPC_TRY(write_at(segment, descriptor, bytes, offset));
        return bytes.size();
    }
    std::uint64_t taken = 0;
    while (taken < bytes.size()) {
        const std::uint64_t count = IPC_TRY(segment.write(offset + taken, bytes.subspan(taken)));
        if (count == 0)
            break;
        taken += count;
    }
    return taken;
}

} // namespace ipc
