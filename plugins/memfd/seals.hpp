// SPDX-License-Identifier: MIT
// The seals of a memfd, fcntl(2), in words.
#pragma once

#include <fcntl.h>

#include <optional>
#include <string_view>

namespace anonymous {

struct Seal {
    int bit;
    std::string_view word;
};

/// In the order in which they are shown. Memory that can never be executed has the last one from the beginning.
inline constexpr Seal seals[] = {
    {F_SEAL_WRITE, "write"}, {F_SEAL_FUTURE_WRITE, "future_write"}, {F_SEAL_GROW, "grow"}, {F_SEAL_SHRINK, "shrink"},
    {F_SEAL_SEAL, "seal"},   {0x20 /* F_SEAL_EXEC */, "exec"},
};

/// "write,grow": the bits; nothing if a word is not known.
inline std::optional<int> parse_seals(std::string_view words)
{
    int bits = 0;
    for (;;) {
        std::string_view word = words.substr(0, words.find(','));
        int bit = 0;
        for (const Seal &seal : seals)
            if (seal.word == word)
                bit = seal.bit;
        if (!bit)
            return std::nullopt;
        bits |= bit;
        if (word.size() == words.size())
            return bits;
        words.remove_prefix(word.size() + 1);
    }
}

} // namespace anonymous
