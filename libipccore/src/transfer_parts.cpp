// SPDX-License-Identifier: MIT
#include "transfer_parts.hpp"

#include "error.hpp"
#include "interruption.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace ipc {

bool is_pipe(int fd)
{
    struct stat status = {};
    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

void grow_pipe(int fd)
{
    int largest = 1 << 20;
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

Error failed_at(const Segment &segment, const char *what, std::uint64_t offset)
{
    if (errno == EFAULT)
        return truncated(segment, offset);
    if (errno == EINTR)
        return failure(EINTR, "interrupted at offset {}", offset);
    return failure(errno, "{}: {} (at offset {}): {}", segment.address().text(), what, offset, std::strerror(errno));
}

bool should_retry() { return errno == EINTR && !interrupted(); }

Result<std::span<std::byte>> memory_up_to(Segment &segment, std::uint64_t end)
{
    const std::span<std::byte> memory = IPC_TRY(segment.map());
    if (memory.size() < end)
        return truncated(segment, memory.size());
    return memory;
}

} // namespace ipc
