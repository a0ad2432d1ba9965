// SPDX-License-Identifier: MIT
// writer BYTES: write so many bytes to standard output by 128 KiB from memory that is warm, so that the pipe and the
// other end are what takes time.
#include "refuse.hpp"

#include <unistd.h>

#include <algorithm>
#include <vector>

int main(int count, char **words)
{
    long left = count == 2 ? number(words[1]) : 0;
    if (!left)
        refuse("usage: writer BYTES");
    std::vector<char> buffer(128 * 1024, 'w');
    while (left > 0)
        left -= must("write", write(1, buffer.data(), std::min(buffer.size(), static_cast<std::size_t>(left))));
    return 0;
}
