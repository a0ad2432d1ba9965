// SPDX-License-Identifier: MIT
#include "input.hpp"

#include "descriptors.hpp"
#include "error.hpp"
#include "printable.hpp"

#include <ipc/memory_left.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <memory>

namespace ipc {

Result<Fd> open_input(const std::string &path)
{
    Fd input(path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!input)
        return failure(errno, "{}: {}", path == "-" ? "standard input" : printable(path), std::strerror(errno));
    return input;
}

namespace {

Result<void> append(int memory, std::span<const char> bytes)
{
    while (!bytes.empty()) {
        const ssize_t count = write(memory, bytes.data(), bytes.size());
        if (count < 0 && !should_retry())
            return errno == EINTR
                       ? failure(EINTR, "interrupted")
                       : failure(errno, "keeping the input in memory: {} (give the size, then none of it is kept)",
                                 write_failure(errno));
        bytes = bytes.subspan(count < 0 ? 0 : std::size_t(count));
    }
    return {};
}

Result<Fd> pipe_of(std::span<const std::byte> bytes)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return Error::system("pipe2");
    Fd reading(ends[0]), writing(ends[1]);
    (void)fcntl(writing.get(), F_SETPIPE_SZ, int(std::min<std::size_t>(bytes.size(), INT_MAX)));
    const ssize_t count = bytes.empty() ? 0 : write(writing.get(), bytes.data(), bytes.size());
    if (count != ssize_t(bytes.size()))
        return failure(EFBIG, "keeping the message in memory: {}", write_failure(EFBIG));
    (void)fcntl(reading.get(), F_SETFL, 0); // whoever reads it expects to wait
    return reading;
}

} // namespace

Result<Fd> spooled(int fd, std::uint64_t most)
{
    constexpr std::size_t chunk = 1 << 20;
    constexpr std::uint64_t unasked = 16 * chunk; // a look at the machine's memory costs as much as copying some of it
    Fd memory(memfd_create("ipc-input", MFD_CLOEXEC));
    if (!memory)
        return Error::system("memfd_create");
    const auto buffer = std::make_unique<char[]>(chunk);
    std::uint64_t kept = 0, asked = 0;
    while (kept < most) {
        const ssize_t count = read(fd, buffer.get(), std::min<std::uint64_t>(chunk, most - kept));
        if (count < 0 && should_retry_at(fd, POLLIN))
            continue;
        if (count < 0)
            return failure(errno, "reading the input: {}", std::strerror(errno));
        if (count == 0)
            break;
        IPC_TRY(append(memory.get(), {buffer.get(), std::size_t(count)}));
        kept += std::uint64_t(count);
        if (kept < asked + unasked)
            continue;
        asked = kept;
        if (const Result<void> left = check_memory_left(kept + unasked, kept); !left)
            return failure(ENOMEM, "keeping the input in memory: {} bytes were read; {}", kept, left.error().text());
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
        if (count < 0 && errno == EFBIG)
            return pipe_of(bytes);
        if (count < 0 && errno != EINTR)
            return Error::system("keeping the message in memory");
        written += count < 0 ? 0 : std::size_t(count);
    }
    return memory;
}

} // namespace ipc
