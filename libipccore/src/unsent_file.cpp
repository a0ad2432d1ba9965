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

/// What a read gives; 0 at the end, and where an interrupted command would have to wait.
Result<std::size_t> read_some(int fd, std::span<std::byte> room)
{
    for (;;) {
        if (interrupted() && !has_input(fd))
            return std::size_t{0};
        const ssize_t count = ::read(fd, room.data(), room.size());
        if (count >= 0)
            return std::size_t(count);
        pollfd input = {fd, POLLIN, 0};
        if (errno == EAGAIN)
            ::poll(&input, 1, -1);
        else if (errno != EINTR)
            return Error::system("the rest of the input cannot be read");
    }
}

} // namespace

Result<UnsentFile> UnsentFile::open(const std::string &path, int input)
{
    Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
    struct stat to = {}, from = {};
    if (!file || ::fstat(file.get(), &to) != 0 || ::fstat(input, &from) != 0)
        return failure(errno, "{}: {}", printable(path), std::strerror(errno));
    if (S_ISREG(to.st_mode) && to.st_dev == from.st_dev && to.st_ino == from.st_ino)
        return failure(EINVAL, "{}: it is the input itself (give another file)", printable(path));
    return UnsentFile(std::move(file), path);
}

Result<void> UnsentFile::write(std::span<const std::byte> bytes)
{
    while (!bytes.empty()) {
        const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR)
            return failure(errno, "{}: {}", printable(path_), write_failure(errno));
        bytes = bytes.subspan(count < 0 ? 0 : std::size_t(count));
        kept_ += count < 0 ? 0 : std::uint64_t(count);
    }
    return {};
}

Result<void> UnsentFile::write_all(std::span<const std::byte> read, int input)
{
    constexpr std::size_t chunk = 64 * 1024;
    const auto room = std::make_unique<std::byte[]>(chunk);
    do {
        IPC_TRY(write(read));
        read = {room.get(), IPC_TRY(read_some(input, {room.get(), chunk}))};
    } while (!read.empty());
    return {};
}

Result<void> UnsentFile::close()
{
    if (::close(file_.release()) < 0 && errno != EINTR)
        return failure(errno, "{}: {}", printable(path_), write_failure(errno));
    return {};
}

Result<std::uint64_t> UnsentFile::keep(std::span<const std::byte> read, int input)
{
    if (const Result<void> written = write_all(read, input); !written)
        return failure(written.error().code(), "{} (bytes of it that are there: {}, the last record may be in part)",
                       written.error().text(), kept_);
    IPC_TRY(close());
    return kept_;
}

} // namespace ipc
