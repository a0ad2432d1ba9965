// SPDX-License-Identifier: MIT
#include "limits.hpp"

#include "columns.hpp"

#include <nlohmann/json.hpp>

namespace ipc {

std::optional<double> percent_in_use(const Limit &limit)
{
    if (limit.limit == IPC_UNKNOWN || limit.used == IPC_UNKNOWN || limit.limit == 0)
        return std::nullopt;
    return 100.0 * static_cast<double>(limit.used) / static_cast<double>(limit.limit);
}

nlohmann::ordered_json json_of(const Limit &limit)
{
    using Json = nlohmann::ordered_json;
    const auto number = [](std::uint64_t value) { return value == IPC_UNKNOWN ? Json(nullptr) : Json(value); };
    const std::optional<double> percent = percent_in_use(limit);
    return {{"mechanism", limit.mechanism},
            {"name", json_text(limit.name)},
            {"meaning", json_text(limit.meaning)},
            {"limit", number(limit.limit)},
            {"used", number(limit.used)},
            {"percent", percent ? Json(*percent) : Json(nullptr)},
            {"unit", limit.bytes ? "bytes" : "objects"}};
}

} // namespace ipc
