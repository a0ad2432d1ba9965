// SPDX-License-Identifier: MIT
#pragma once

#include "image.hpp"

/// See ipc_semaphore_v1::meet. `image` is of a barrier, `descriptor` is its file.
ipc::Result<void> meet_at(const MappedImage &image, RobustWord &word, int descriptor, std::int64_t timeout);
