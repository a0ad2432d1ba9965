// SPDX-License-Identifier: MIT
// The least that sending lines through a FIFO or a socket can cost: 64 KiB for each system call, and finding the lines.
//
//     raw_stream send fifo|unix PATH FILE    write FILE, from memory
//     raw_stream receive fifo|unix PATH      read to the end, find every line and print how many there were
#include "refuse.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t piece = 64 * 1024;

sockaddr_un address_of(const char *path)
{
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

int sending_end(std::string_view kind, const char *path)
{
    if (kind == "fifo")
        return must(path, open(path, O_WRONLY | O_CLOEXEC));
    const int end = must("socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(path);
    while (connect(end, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) // until the other is there
        usleep(1000);
    return end;
}

int receiving_end(std::string_view kind, const char *path)
{
    if (kind == "fifo")
        return must(path, open(path, O_RDONLY | O_CLOEXEC));
    const int listener = must("socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(path);
    unlink(path);
    must(path, bind(listener, reinterpret_cast<const sockaddr *>(&address), sizeof address));
    must(path, listen(listener, 1));
    return must(path, accept(listener, nullptr, nullptr));
}

void send(int end, const char *file)
{
    const int fd = must(file, open(file, O_RDONLY | O_CLOEXEC));
    struct stat facts;
    must(file, fstat(fd, &facts));
    auto left = static_cast<std::size_t>(facts.st_size);
    void *memory = must(file, mmap(nullptr, left, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0));
    for (auto *at = static_cast<const char *>(memory); left;) {
        auto count = static_cast<std::size_t>(must("write", write(end, at, std::min(left, piece))));
        at += count;
        left -= count;
    }
}

void receive(int end)
{
    std::vector<char> buffer(piece);
    unsigned long lines = 0;
    while (const ssize_t count = must("read", read(end, buffer.data(), buffer.size()))) {
        const char *at = buffer.data(), *stop = at + count;
        while (const void *hit = std::memchr(at, '\n', static_cast<std::size_t>(stop - at))) {
            at = static_cast<const char *>(hit) + 1;
            lines++;
        }
    }
    std::printf("%lu\n", lines);
}

} // namespace

int main(int count, char **words)
{
    const std::string_view verb = count > 3 ? words[1] : "", kind = count > 3 ? words[2] : "";
    if (verb == "send" && count == 5)
        send(sending_end(kind, words[3]), words[4]);
    else if (verb == "receive" && count == 4)
        receive(receiving_end(kind, words[3]));
    else
        refuse("usage: raw_stream send fifo|unix PATH FILE | receive fifo|unix PATH");
    return 0;
}
