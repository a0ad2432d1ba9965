// SPDX-License-Identifier: MIT
// Removing objects: what is removed is what was looked at, and never what somebody still holds unless forced.
#pragma once

#include "snapshot.hpp"

#include <ipc/result.hpp>

namespace ipc {

struct RemovalPolicy {
    bool force = false; // also what has holders
};

/// Remove `object` as the snapshot saw it. EBUSY names its holders and `--force`; ESTALE if the name means another
/// object by now. An object that is removed already, and waits for its last holder, is an error that says so.
Result<void> remove_object(const Object &object, const RemovalPolicy &policy);

} // namespace ipc
