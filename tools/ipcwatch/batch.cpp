// SPDX-License-Identifier: MIT
#include "batch.hpp"

#include "command.hpp"

#include <algorithm>
#include <thread>

namespace ipc::watch {

Result<void> print_samples(Model &model, const Sampler &sample, const Pace &pace, std::string (*form)(const Model &))
{
    auto due = std::chrono::steady_clock::now();
    for (std::uint64_t taken = 1;; taken++) {
        model.take(sample());
        IPC_TRY(print(form(model)));
        if (taken == pace.samples)
            return {};
        due = std::max(due + pace.delay, std::chrono::steady_clock::now());
        std::this_thread::sleep_until(due);
    }
}

} // namespace ipc::watch
