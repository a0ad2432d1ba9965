// SPDX-License-Identifier: MIT
#include "removal.hpp"

#include "error.hpp"
#include "printable.hpp"
#include "process.hpp"

#include <chrono>
#include <thread>

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

constexpr std::string_view ends_them = "end them, or use --force";
constexpr std::string_view ends_it = "receive it, remove that, or use --force";

/// "812 psql", or its number alone if it is not visible any more.
std::string name_user(const Object &object)
{
    const std::optional<Process> process = find_process(object.user);
    return process ? printable(fmt::format("{} {}", object.user, quoted_name(process->command)))
                   : std::to_string(object.user);
}

/// What makes it unsafe to remove an object that nobody was found to have, however its memory or file is asked; empty
/// if nothing does.
std::string doubt_of(const Object &object)
{
    if (object.elsewhere)
        return fmt::format("process {} of another process namespace has locked it, and may live", object.elsewhere);
    const bool made = object.facts.creator == static_cast<std::uint64_t>(object.user);
    if (object.user)
        return fmt::format("{}, {}, lives and may use it again", name_user(object),
                           made ? "which made it" : "which used it last");
    if (object.has_unseen_user)
        return "who used it last is not visible from here, and may use it again";
    return {};
}

/// What could not be seen, for who was not found.
Error not_known(const Object &object)
{
    return failure(EBUSY, "whether somebody has it is not known, since {} (use --force to remove it all the same)",
                   object.unseen ? *object.unseen : "processes could not be looked at");
}

/// Its users come and go, and who waits is seen, if at all, as far as processes may be looked into: no more is known of
/// such an object anywhere, and those who used it are dead.
bool is_known_by_users(const Object &object) { return object.facts.flags & IPC_OBJECT_USERS; }

Result<void> remove_seen(const Object &object, bool trial)
{
    if (trial)
        return {};
    const CrossingAddress address(object.address);
    return call(object.plugin->descriptor().remove, address.get(), &object.facts.identity);
}

/// Of who only looks, nothing is left after some milliseconds; over all objects of a command no more than a second.
bool wait_for_a_look()
{
    constexpr int most = 200;
    static int waited = 0;
    if (waited++ >= most)
        return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return true;
}

/// By the mechanism's own proof; ENOTSUP if it has none.
Result<void> remove_proven(const Object &object, bool trial)
{
    constexpr int looks = 3;
    const auto remove = object.plugin->descriptor().remove_unused;
    if (!remove)
        return failure(ENOTSUP, "it cannot be found out");
    const CrossingAddress address(object.address);
    Result<void> removed = failure(EBUSY, "");
    for (int look = 0; look < looks; look++) {
        removed = call(remove, address.get(), &object.facts.identity, std::uint32_t{trial});
        if (removed || removed.error().code() != EBUSY || !wait_for_a_look())
            break;
    }
    return removed;
}

Result<void> remove_checked(const Object &object, const RemovalPolicy &policy, bool trial)
{
    IPC_TRY(check_removal(object, policy));
    if (policy.force)
        return remove_seen(object, trial);
    const Result<void> removed = remove_proven(object, trial);
    if (removed || (removed.error().code() != EBUSY && removed.error().code() != ENOTSUP))
        return removed;
    if (removed.error().code() == EBUSY)
        return failure(EBUSY, "{}, though no process was found that does{}{} (end it, or use --force)",
                       removed.error().text(), object.unseen ? ": " : "", object.unseen ? *object.unseen : "");
    if (object.state == State::unknown && !is_known_by_users(object))
        return not_known(object);
    return remove_seen(object, trial);
}

} // namespace

std::string held_by(const Object &object)
{
    const std::string counted = fmt::format("{} attached, {} hidden", object.facts.attached, object.hidden);
    if (!object.part_of.empty() && object.holders.empty())
        return fmt::format("it carries what waits in {}, and would be missing there", printable(object.part_of));
    if (object.holders.empty() && object.hidden)
        return "held by processes that this user may not see: " + counted;
    if (object.holders.empty())
        return fmt::format("in use, though no process was found that holds it{}{}", object.unseen ? ": " : "",
                           object.unseen ? *object.unseen : "");
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
    if (policy.force)
        return {};
    if (object.state == State::in_use)
        return failure(EBUSY, "{} ({})", held_by(object), object.part_of.empty() ? ends_them : ends_it);
    if (const std::string doubt = doubt_of(object); !doubt.empty())
        return failure(EBUSY, "{} (use --force to remove it all the same)", doubt);
    return {};
}

Result<void> try_removal(const Object &object, const RemovalPolicy &policy)
{
    return remove_checked(object, policy, true);
}

Result<void> remove_object(const Object &object, const RemovalPolicy &policy)
{
    return remove_checked(object, policy, false);
}

} // namespace ipc
