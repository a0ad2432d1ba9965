// SPDX-License-Identifier: MIT
// Sample after sample, printed.
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

/// Take samples and print each, as `form` has it, before the next is taken.
Result<void> print_samples(Model &model, const Sampler &sample, const Pace &pace, std::string (*form)(const Model &));

} // namespace ipc::watch
