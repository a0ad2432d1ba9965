// SPDX-License-Identifier: MIT
// The model on a terminal, with keys.
#pragma once

#include "batch.hpp"
#include "model.hpp"

#include <ipc/result.hpp>

namespace ipc::watch {

struct ScreenSettings {
    Pace pace;
    bool readonly = false; // nothing can be removed
    bool colors = true;
};

/// Watch until the user has enough or the samples are taken. Returns the exit status.
Result<int> watch_on_screen(Model &model, const Sampler &sample, const ScreenSettings &settings);

} // namespace ipc::watch
