// SPDX-License-Identifier: MIT
// fill FILE NAME: make the POSIX segment NAME of the size of FILE, map both and copy one into the other: as a program
// does that knows nothing better.
#include "refuse.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char **words)
{
    if (count != 3)
        refuse("usage: fill FILE NAME");
    int file = must(words[1], open(words[1], O_RDONLY | O_CLOEXEC));
    struct stat status = {};
    must(words[1], fstat(file, &status));
    const auto size = static_cast<std::size_t>(status.st_size);
    int segment = must(words[2], shm_open(words[2], O_RDWR | O_CREAT | O_EXCL, 0600));
    must("ftruncate", ftruncate(segment, status.st_size));
    void *from = must("mmap", mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0));
    void *to = must("mmap", mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, segment, 0));
    std::memcpy(to, from, size);
    return 0;
}
