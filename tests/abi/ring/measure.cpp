// SPDX-License-Identifier: MIT
// measure NAME COUNT - send COUNT measurements as lines of text into the ring NAME. Most of a program that uses a ring
// is its own work: what the ring asks of it is to open it once, and a call or two per message.
#include <ipc/ring.hpp>

#include <cstdio>
#include <cstdlib>

int main(int count, char **words)
{
    if (count != 3)
        return 64;
    auto ring = ipc::Ring::open(words[1]);
    if (!ring) {
        std::fprintf(stderr, "measure: %s: %s\n", words[1], ring.error().text());
        return 1;
    }
    const long measurements = std::atol(words[2]);
    for (long i = 0; i < measurements; i++) {
        // Built in the ring itself, where the next reader finds it: no copy.
        auto claim = ring->claim(32);
        if (!claim)
            return 1;
        const int length =
            std::snprintf(reinterpret_cast<char *>(claim->bytes().data()), claim->bytes().size(), "%ld %ld", i, i * i);
        if (!claim->commit(std::size_t(length)))
            return 1;
    }
    return 0;
}
