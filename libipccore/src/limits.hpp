// SPDX-License-Identifier: MIT
// The limits of mechanisms as ipcls and ipcwatch show them.
#pragma once

#include "snapshot.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>

namespace ipc {

/// How much of it is in use; nothing where that is not known.
std::optional<double> percent_in_use(const Limit &limit);

/// {mechanism, name, meaning, limit, used, percent, unit}; what is not known is null.
nlohmann::ordered_json json_of(const Limit &limit);

} // namespace ipc
