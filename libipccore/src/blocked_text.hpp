// SPDX-License-Identifier: MIT
// How one who waits is shown.
#pragma once

#include "blocked.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// "posix-shm:/pool+64": the object, and the byte at which the part of it begins that is waited for. Any byte.
std::string awaited(const Blocked &blocked);

/// "lock", "receive", "send"; "word" if only its programs know.
std::string_view aim(const Blocked &blocked);

/// The processes that have it locked, each once.
std::vector<Holder> lockers(const Blocked &blocked);

/// {pid, thread, command, offset, since, waits_for, waits_to, held_by, cycle}.
nlohmann::ordered_json json_of(const Blocked &blocked);

} // namespace ipc
