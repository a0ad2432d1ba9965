// SPDX-License-Identifier: MIT
// What the removing commands share: everything but the family of objects that they remove.
#pragma once

#include "address.hpp"
#include "command.hpp"
#include "snapshot.hpp"

#include <functional>

namespace ipc {

/// A command that removes objects of `family`: those of its arguments, narrowed by --orphan, --owner and --older-than;
/// without arguments all that mechanisms enumerate, narrowed so. An address or pattern that matches nothing is an
/// error; that the options leave none of what matched is not. A pattern without a mechanism means objects that
/// mechanisms enumerate, not files that processes happen to have mapped.
/// `prepare` is called with each object that may be removed, right before it is; an error of it keeps the object.
Result<int> run_remove(Command &command, const Family &family, std::string_view examples,
                       const std::function<Result<void>(const Object &object)> &prepare = {});

} // namespace ipc
