// SPDX-License-Identifier: MIT
#include "input.hpp"

#include "descriptors.hpp"
#include "error.hpp"
#include "printable.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>

namespace ipc {

Result<Fd> open_input(const std::string &path)
{
    Fd input(path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!input)
        return failure(errno, "{}: {}", path == "-" ? "standard input" : printable(path), std::strerror(errno));
    return input;
}

Result<Fd> spooled(int fd)
{
    constexpr std::size_t chunk = 1 << 20;
    Fd memory(memfd_create("ipc-input", MFD_CLOEXEC));
    if (!memory)
        return Error::system("memfd_create");
    const auto buffer = std::make_unique<char[]>(chunk);
    for (;;) {
        ssize_t count = read(fd, buffer.get(), chunk);
        if (count < 0 && should_retry_at(fd, POLLIN))
            continue;
        if (count < 0)
            return failure(errno, "reading the input: {}", std::strerror(errno));
        if (count == 0)
            break;
        for (ssize_t written = 0; written < count;) {
            const ssize_t more = write(memory.get(), buffer.get() + written, static_cast<std::size_t>(count - written));
            if (more < 0)
                return failure(errno, "keeping the input in memory: {} (give the size, then none of it is kept)",
                               std::strerror(errno));
            written += more;
        }
    }
    if (lseek(memory.get(), 0, SEEK_SET) < 0)
        return Error::system("lseek");
    return memory;
}

Result<Fd> memory_of(std::span<const std::byte> bytes)
{
    Fd memory(memfd_create("ipc-message", MFD_CLOEXEC));
    if (!memory)
        return Error::system("memfd_create");
    for (std::size_t written = 0; written < bytes.size();) {
        const ssize_t count = pwrite(memory.get(), bytes.data() + written, bytes.size() - written, off_t(written));
        if (count < 0 && errno != EINTR)
            return Error::system("keeping the message in memory");
        written += count < 0 ? 0 : std::size_t(count);
    }
    return memory;
}

} // namespace ipc
