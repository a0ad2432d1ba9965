// SPDX-License-Identifier: MIT
// Removing objects: what is removed is what was looked at, and never what somebody still holds unless forced.
#pragma once

#include "snapshot.hpp"

#include <ipc/result.hpp>

#include <string>

namespace ipc {

struct RemovalPolicy {
    bool force = false; // also what has holders, or may have some
};

/// Who holds an object that is in use, as far as may be seen: "held by 812 firefox". Printable.
std::string held_by(const Object &object);

/// May `object` be removed, as the snapshot saw it? EBUSY names its holders, or what is not known, and `--force`: whom
/// this user may not see counts, if the kernel does. EIDRM if it is removed already and waits for its last holder.
/// ENOTSUP if the mechanism cannot. What the mechanism itself can find out at the object is not asked here.
Result<void> check_removal(const Object &object, const RemovalPolicy &policy);

/// Would remove_object() remove it? The same without removing anything.
Result<void> try_removal(const Object &object, const RemovalPolicy &policy);

/// Check, and remove `object` as the snapshot saw it: ESTALE if the name means another object by now. Without force the
/// mechanism proves that nobody has it, in whatever namespace, if it can; who only looks at it for a moment is waited
/// for. Where it cannot, what the snapshot left in doubt stays.
Result<void> remove_object(const Object &object, const RemovalPolicy &policy);

} // namespace ipc
