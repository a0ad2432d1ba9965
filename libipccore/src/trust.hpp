// SPDX-License-Identifier: MIT
// Which files may be loaded as code.
#pragma once

#include <ipc/result.hpp>

#include <string>

namespace ipc {

/// May `path` be loaded? It, every directory above it and every symbolic link on the way must belong to root, to the
/// effective user (where environment_is_trusted()), to the owner of this executable or to the owner of `/`, and be
/// writable neither by everybody nor by a shared group, which is one that is not root's and not named by the owner's
/// own number (a directory with the sticky bit may be). Returns the path that was checked, without symbolic links: that
/// is the one to load. The error names the place and the reason.
Result<std::string> check_trust(const std::string &path);

/// May the environment say where plugins are? Not in a process that was given more rights than its caller has:
/// AT_SECURE (set-user-id, file capabilities), or any effective capability without being root.
bool environment_is_trusted();

} // namespace ipc
