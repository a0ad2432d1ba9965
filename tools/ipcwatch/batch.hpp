// SPDX-License-Identifier: MIT
// The model as text, sample after sample: tables for people and logs, JSON Lines for programs.
#pragma once

#include "model.hpp"

#include <ipc/result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>

namespace ipc::watch {

/// Where samples come from.
using Sampler = std::function<Snapshot()>;

/// How many samples to take (0: without end) and how long from one to the next.
struct Pace {
    std::uint64_t samples = 0;
    std::chrono::nanoseconds delay = std::chrono::seconds(2);
};

/// A sample as lines of text without control characters, all columns as wide as they must be.
std::string frame_of(const Model &model);

/// A sample as one line: {"time", "objects", "limits", "notices"}.
std::string json_line_of(const Model &model);

/// Take samples and print each, as `form` has it, before the next is taken.
Result<void> print_samples(Model &model, const Sampler &sample, const Pace &pace, std::string (*form)(const Model &));

} // namespace ipc::watch
