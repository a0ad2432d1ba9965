// SPDX-License-Identifier: MIT
#include "comparison.hpp"

#include "follow.hpp"
#include "hexdiff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace ipc {
namespace {

constexpr std::size_t piece_size = 256 << 10;

bool same(std::span<const std::byte> first, std::span<const std::byte> second)
{
    return first.empty() || std::memcmp(first.data(), second.data(), first.size()) == 0;
}

/// What has been found so far.
class Findings {
public:
    Findings(const Segment &first, const Segment &second, const Comparison &comparison)
        : comparison_(comparison), difference_(comparison.offset, HexDifference::Show::both, comparison.lit),
          text_(fmt::format("--- {}\n+++ {}\n", first.address().text(), second.address().text()))
    {
    }

    Result<void> add(std::span<const std::byte> first, std::span<const std::byte> second)
    {
        equal_ = equal_ && same(first, second);
        if (!comparison_.print)
            return {};
        difference_.add(first, second, text_);
        return print();
    }

    Result<void> finish()
    {
        difference_.finish(text_);
        return comparison_.print ? print() : Result<void>{};
    }

    bool equal() const { return equal_; }
    /// May the rest be left out?
    bool enough() const { return !equal_ && !comparison_.print; }

private:
    /// The heading waits for a difference.
    Result<void> print()
    {
        if (equal_)
            return {};
        IPC_TRY(comparison_.print(text_));
        text_.clear();
        return {};
    }

    const Comparison &comparison_;
    HexDifference difference_;
    std::string text_;
    bool equal_ = true;
};

Result<void> compare_pieces(Segment &first, Segment &second, const Comparison &comparison, Findings &findings)
{
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, comparison.length));
    std::vector<std::byte> one(size), other(size);
    for (std::uint64_t done = 0; done < comparison.length && !findings.enough();) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size, comparison.length - done));
        IPC_TRY(read_whole(first, comparison.offset + done, std::span(one).first(count)));
        IPC_TRY(read_whole(second, comparison.offset + done, std::span(other).first(count)));
        IPC_TRY(findings.add(std::span(one).first(count), std::span(other).first(count)));
        done += count;
    }
    return {};
}

Result<void> compare_copies(Segment &first, Segment &second, const Comparison &comparison, Findings &findings)
{
    Follower one = IPC_TRY(Follower::create(first, comparison.offset, comparison.length));
    Follower other = IPC_TRY(Follower::create(second, comparison.offset, comparison.length));
    IPC_TRY(one.read_stable());
    IPC_TRY(other.read_stable());
    return findings.add(one.bytes(), other.bytes());
}

} // namespace

Result<bool> compare(Segment &first, Segment &second, const Comparison &comparison)
{
    Findings findings(first, second, comparison);
    IPC_TRY(comparison.stable ? compare_copies(first, second, comparison, findings)
                              : compare_pieces(first, second, comparison, findings));
    IPC_TRY(findings.finish());
    return findings.equal();
}

} // namespace ipc
