// SPDX-License-Identifier: MIT
#include "descriptors.hpp"

#include "interruption.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

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

bool should_retry() { return errno == EINTR && !interrupted(); }

bool should_retry_at(int fd, short events)
{
    if (errno != EAGAIN)
        return should_retry();
    pollfd other = {fd, events, 0};
    return poll(&other, 1, -1) >= 0 || should_retry();
}

} // namespace ipc
