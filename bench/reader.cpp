// SPDX-License-Identifier: MIT
// reader BYTES: read standard input to its end by 128 KiB and touch every cache line, as a program that uses what it
// reads does. Fails unless exactly BYTES came.
#include "refuse.hpp"

#include <unistd.h>

#include <cstdint>
#include <vector>

int main(int count, char **words)
{
    long expected = count == 2 ? number(words[1]) : 0;
    if (!expected)
        refuse("usage: reader BYTES");
    constexpr std::size_t line = 64;
    std::vector<std::uint64_t> buffer(128 * 1024 / sizeof(std::uint64_t));
    std::uint64_t sum = 0;
    long bytes = 0;
    for (ssize_t got; (got = must("read", read(0, buffer.data(), buffer.size() * sizeof buffer[0]))) > 0; bytes += got)
        for (std::size_t at = 0; at < static_cast<std::size_t>(got); at += line)
            sum += buffer[at / sizeof buffer[0]];
    [[maybe_unused]] volatile std::uint64_t seen = sum; // or the compiler reads nothing
    if (bytes != expected)
        refuse("%ld bytes came, %ld expected", bytes, expected);
    return 0;
}
