// SPDX-License-Identifier: MIT
#include "removal.hpp"

#include "error.hpp"

namespace ipc {
namespace {

Error removed_already(const Object &object)
{
    if (object.holders.empty())
        return failure(EIDRM, "removed already, and gone when its last holder lets go");
    return failure(EIDRM, "removed already, and gone when its last holder lets go (end {})",
                   name_holders(object.holders));
}

/// There is no name to take away.
Error not_removable(const Object &object)
{
    if (object.holders.empty())
        return failure(ENOTSUP, "mechanism {} cannot remove its objects", object.mechanism());
    return failure(ENOTSUP, "it has no name to remove, and is gone when its last holder lets go (end {})",
                   name_holders(object.holders));
}

} // namespace

std::string held_by(const Object &object)
{
    const std::string counted = fmt::format("{} attached, {} hidden", object.facts.attached, object.hidden);
    if (object.holders.empty() && object.hidden)
        return "held by processes that this user may not see: " + counted;
    if (object.holders.empty())
        return "in use, though no process was found that holds it";
    if (object.hidden)
        return fmt::format("held by {}, and by others that this user may not see: {}", name_holders(object.holders),
                           counted);
    return "held by " + name_holders(object.holders);
}

Result<void> check_removal(const Object &object, const RemovalPolicy &policy)
{
    if (object.state == State::removed)
        return removed_already(object);
    if (!object.plugin->descriptor().remove)
        return not_removable(object);
    if (object.state == State::in_use && !policy.force)
        return failure(EBUSY, "{} (end them, or use --force)", held_by(object));
    return {};
}

Result<void> remove_object(const Object &object, const RemovalPolicy &policy)
{
    IPC_TRY(check_removal(object, policy));
    const CrossingAddress address(object.address);
    return call(object.plugin->descriptor().remove, address.get(), &object.facts.identity);
}

} // namespace ipc
