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

Result<void> check_fields(const Message &message, std::uint32_t missing)
{
    if (message.fields & missing & IPC_QUEUE_PRIORITY && message.priority != 0)
        return has_none("priority", message.priority);
    if (message.fields & missing & IPC_QUEUE_TYPE && message.type != 1)
        return has_none("type", message.type);
    return {};
}

} // namespace ipc
