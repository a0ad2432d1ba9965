// SPDX-License-Identifier: MIT
#include "message_fields.hpp"

#include "error.hpp"

namespace ipc {

namespace {

Error has_none(std::string_view field, std::int64_t value)
{
    return failure(
        EINVAL,
        "it has {} {}, and messages of this mechanism have none (leave it out; jq -c 'del(.{})' takes it out "
        "of JSON Lines)",
        field, value, field);
}

} // namespace

Result<void> check_fields(const Record &record, std::uint32_t features)
{
    if (record.priority.value_or(0) != 0 && !(features & IPC_QUEUE_PRIORITY))
        return has_none("priority", *record.priority);
    if (record.type.value_or(1) != 1 && !(features & IPC_QUEUE_TYPE))
        return has_none("type", *record.type);
    return {};
}

} // namespace ipc
