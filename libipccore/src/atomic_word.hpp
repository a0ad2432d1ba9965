// SPDX-License-Identifier: MIT
// One word in a segment that other processes use too: read, changed and waited for atomically.
#pragma once

#include "segment.hpp"
#include "word_type.hpp"

#include <ipc/result.hpp>

#include <cstdint>
#include <functional>

namespace ipc {

/// All accesses are sequentially consistent. Each looks first whether the segment still reaches as far; every error
/// names the address. What changes the word wakes all that sleep on it: futex(2), shared, on each aligned 32-bit word
/// that holds a part of it.
class AtomicWord {
public:
    /// ERANGE if it is not within the segment, EINVAL if it is not naturally aligned, ENOTSUP if this process cannot
    /// map the segment. The segment must outlive it.
    static Result<AtomicWord> open(Segment &segment, const WordPlace &place);

    Result<WordBits> load();
    // Each returns what was there before.
    Result<WordBits> exchange(WordBits value);
    /// Stores `value` if what is there has the very bits of `expected`.
    Result<WordBits> compare_exchange(WordBits expected, WordBits value);
    Result<WordBits> add(WordBits value);

    struct Waited {
        WordBits value; // the last that was seen
        bool holds;     // false: `timeout` passed first
    };
    /// Until `holds` is true of the value, at most `timeout` nanoseconds; 0 looks once, IPC_FOREVER has no limit.
    /// Sleeps on the futex, and looks again every 1 to 100 ms, since not everybody who stores wakes. EINTR when the
    /// user asked to stop, EIDRM once the segment was removed or replaced.
    Result<Waited> wait(const std::function<bool(WordBits)> &holds, std::int64_t timeout);

private:
    struct Memory;
    AtomicWord(Segment &segment, const WordPlace &place) : segment_(segment), place_(place) {}
    /// Where the word is now.
    Result<Memory> memory();
    template <typename Operation> Result<WordBits> perform(Operation operation);
    void wake();
    struct Seen {
        WordBits value;
        std::uint32_t expected; // in `futex`
        std::byte *futex;       // to sleep on; null if there is none
    };
    Result<Seen> look();

    Segment &segment_;
    WordPlace place_;
};

/// A word of a segment that can be read and not mapped: of one moment, if the mechanism copies it so.
Result<WordBits> copy_word(Segment &segment, const WordPlace &place);

} // namespace ipc
