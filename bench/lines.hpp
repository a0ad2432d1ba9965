// SPDX-License-Identifier: MIT
// A file of lines in memory, and what is done with each of them: what the bare loops that send have in common.
#pragma once

#include "refuse.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>
#include <string_view>

/// All of the file, or the end of the program.
inline std::string_view map(const char *file)
{
    int fd = must(file, open(file, O_RDONLY | O_CLOEXEC));
    struct stat facts;
    must(file, fstat(fd, &facts));
    auto size = static_cast<std::size_t>(facts.st_size);
    void *memory = must(file, mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0));
    return {static_cast<const char *>(memory), size};
}

/// Call `take(line, length)` for each line, without what ends it.
template <typename Take> void each_line(std::string_view text, Take &&take)
{
    const char *end = text.data() + text.size();
    for (const char *line = text.data(); line < end;) {
        auto left = static_cast<std::size_t>(end - line);
        auto *stop = static_cast<const char *>(std::memchr(line, '\n', left));
        std::size_t length = stop ? static_cast<std::size_t>(stop - line) : left;
        take(line, length);
        line += length + 1;
    }
}

/// Load a byte of every cache line.
inline void touch(const char *bytes, std::size_t length)
{
    volatile char seen = 0;
    for (std::size_t at = 0; at < length; at += 64)
        seen = bytes[at];
    static_cast<void>(seen);
}
