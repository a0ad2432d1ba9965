// SPDX-License-Identifier: MIT
#include "unsent_file.hpp"

#include "error.hpp"
#include "interruption.hpp"
#include "printable.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

namespace ipc {
namespace {

bool has_input(int fd)
{
    pollfd input = {fd, POLLIN, 0};
    return ::poll(&input, 1, 0) > 0;
}

/// What a read gives; 0 at the end.
Result<std::size_t> read_some(int fd, std::span<std::byte> room)
{
    for (;;) {
        const ssize_t count = ::read(fd, room.data(), room.size());
        if (count >= 0)
            return std::size_t(count);
        pollfd input = {fd, POLLIN, 0};
        if (errno == EAGAIN)
            ::poll(&input, 1, -1);
        else if (errno != EINTR)
            return Error::system("the rest of the input cannot be read");
        if (interrupted())
            return failure(EINTR, "interrupted before the rest of the input was read");
    }
}

} // namespace

Result<UnsentFile> UnsentFile::create(const std::string &path)
{
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
    struct stat status = {};
    if (!file || ::fstat(file.get(), &status) != 0)
        return failure(errno, "{}: {}", printable(path), std::strerror(errno));
    if (S_ISREG(status.st_mode) && status.st_size > 0)
        return failure(EEXIST, "{}: it holds {} bytes already (send them first, or give another file)", printable(path),
                       status.st_size);
    return UnsentFile(std::move(file), path);
}

Result<void> UnsentFile::write(std::span<const std::byte> bytes)
{
    while (!bytes.empty()) {
        const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR)
            return failure(errno, "{}: {}", printable(path_), std::strerror(errno));
        bytes = bytes.subspan(count < 0 ? 0 : std::size_t(count));
    }
    return {};
}

Result<void> UnsentFile::keep(std::span<const std::byte> read, int input)
{
    constexpr std::size_t chunk = 64 * 1024;
    const auto room = std::make_unique<std::byte[]>(chunk);
    const bool may_wait = !take_interruption();
    IPC_TRY(write(read));
    while (may_wait || has_input(input)) {
        const std::size_t count = IPC_TRY(read_some(input, {room.get(), chunk}));
        if (!count)
            break;
        IPC_TRY(write({room.get(), count}));
    }
    return {};
}

} // namespace ipc
