// SPDX-License-Identifier: MIT
// Rounds of two sides, A B A B …: whatever slows the machine down for a while slows both.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <vector>

/// Seconds that `work` takes by the wall clock.
template <typename Work> double seconds_of(Work &&work)
{
    auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Seconds of processor time that `work` takes: for what never waits, since others on the machine hardly change it.
template <typename Work> double processor_seconds_of(Work &&work)
{
    auto now = [] {
        timespec time = {};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    };
    double begin = now();
    work();
    return now() - begin;
}

class Rounds {
public:
    /// One round: seconds of side A and of side B.
    void add(double a, double b) { rounds_.push_back({a, b}); }

    /// Print "MEDIAN MIN MAX" of A divided by B per round; of B by A if `rate`, the ratio of their speeds.
    void print(bool rate) const
    {
        std::vector<double> ratios;
        for (const auto &[a, b] : rounds_)
            ratios.push_back(rate ? b / a : a / b);
        std::sort(ratios.begin(), ratios.end());
        std::printf("%.3f %.3f %.3f\n", median(ratios), ratios.front(), ratios.back());
    }

    /// The times behind it, for looking into a figure; never for quoting.
    void explain() const
    {
        for (const auto &[a, b] : rounds_)
            std::fprintf(stderr, "A %.3f ms  B %.3f ms  A/B %.3f\n", a * 1e3, b * 1e3, a / b);
    }

private:
    static double median(const std::vector<double> &sorted)
    {
        std::size_t middle = sorted.size() / 2;
        return sorted.size() % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    struct Round {
        double a, b;
    };
    std::vector<Round> rounds_;
};
