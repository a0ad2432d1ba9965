// SPDX-License-Identifier: MIT
#include "blocked_text.hpp"

#include "columns.hpp"
#include "error.hpp"

#include <nlohmann/json.hpp>

namespace ipc {

using Json = nlohmann::ordered_json;

std::string awaited(const Blocked &blocked)
{
    const std::string address = blocked.object->address.text();
    const std::uint64_t offset = blocked.party->offset;
    return offset == IPC_UNKNOWN ? address : fmt::format("{}+{}", address, offset);
}

std::string_view aim(const Blocked &blocked)
{
    switch (blocked.party->role) {
    case IPC_ROLE_WAITS_TO_RECEIVE:
        return "receive";
    case IPC_ROLE_WAITS_TO_SEND:
        return "send";
    case IPC_ROLE_WAITS_AT_WORD:
        return "word";
    default:
        return "lock";
    }
}

std::vector<Holder> lockers(const Blocked &blocked)
{
    std::vector<Holder> found;
    for (const Party *party : *blocked.held_by)
        if (found.empty() || found.back().process != party->process)
            found.push_back(*find_holder(*blocked.object, party->process));
    return found;
}

Json json_of(const Blocked &blocked)
{
    Json held_by = Json::array();
    for (const Party *party : *blocked.held_by)
        held_by.push_back(json_of(*blocked.object, *party));
    Json json = json_of(*blocked.object, *blocked.party);
    json["waits_for"] = blocked.object->address.text(Charset::utf8);
    json["waits_to"] = aim(blocked);
    json["held_by"] = std::move(held_by);
    json["cycle"] = blocked.cycle ? Json(blocked.cycle) : Json(nullptr);
    return json;
}

} // namespace ipc
