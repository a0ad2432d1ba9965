// SPDX-License-Identifier: MIT
#include "remove_command.hpp"

#include "error.hpp"
#include "large_messages.hpp"
#include "printable.hpp"
#include "removal.hpp"
#include "selection.hpp"
#include "snapshot.hpp"

#include <algorithm>

namespace ipc {
namespace {

struct Request {
    std::vector<std::string> patterns;
    RemovalPolicy policy;
    bool dry_run = false;
    bool orphan = false;
    std::optional<std::uint32_t> owner;
    std::optional<std::chrono::nanoseconds> age;
    bool quiet = false;
    bool verbose = false;

    bool narrows() const { return orphan || owner || age; }
};

void declare(Command &command, Request &request, const Family &family)
{
    command.argument("[ADDRESS...]", request.patterns, "what to remove: addresses, or patterns of them in quotes",
                     Complete::address, &family);
    command.flag("force", request.policy.force, "also remove what some process holds, or may hold unseen");
    command.flag("dry-run", request.dry_run, "print the addresses of what would be removed, and remove nothing");
    command.flag("orphan", request.orphan, "only what nobody holds and whose creator and last user are dead");
    command.option("owner", "USER", request.owner, parse_user, "only what belongs to this user", Complete::user);
    command.option("older-than", "AGE", request.age, parse_age,
                   "only what was made, changed and last used so long ago: 90s, 10m, 2h, 1d");
    command.flag("quiet,q", request.quiet, "do not say why something is left; the exit status does");
    command.flag("verbose,v", request.verbose,
                 "print the address of each that was removed, and what could not be seen");
}

/// Short forms become whole addresses; patterns stay.
Result<std::vector<std::string>> whole_patterns(const Request &request, const Family &family)
{
    std::vector<std::string> patterns;
    for (const std::string &pattern : request.patterns) {
        if (!Selector(pattern).is_exact()) {
            patterns.push_back(pattern);
            continue;
        }
        Address address = IPC_TRY(parse_address(pattern, family));
        address.parameters.clear();
        patterns.push_back(address.text());
    }
    return patterns;
}

/// Files that processes have mapped are objects, and so is what nobody can remove, but only by name does one mean such
/// a thing.
bool is_meant(const Object &object, const std::vector<Selector> &selectors)
{
    const bool goes_unnamed = object.plugin->inspect()->list && object.plugin->descriptor().remove;
    return goes_unnamed || std::any_of(selectors.begin(), selectors.end(), [&](const Selector &selector) {
               return selector.names_mechanism() && selector.concerns(object.mechanism());
           });
}

/// When it was made, changed or used, whatever was last; IPC_NO_TIME if nothing of that is known.
std::int64_t last_use(const ipc_object &facts)
{
    return std::max({facts.changed, facts.last_in_time, facts.last_out_time});
}

/// What nobody was found to have, though not everybody could be seen, is an orphan if its removal proves that.
bool may_be_orphan(const Object &object)
{
    return object.state == State::orphan || (object.state == State::unknown && object.abandoned);
}

bool passes(const Object &object, const Request &request, std::int64_t now)
{
    const ipc_object &facts = object.facts;
    const std::int64_t used = last_use(facts);
    return (!request.orphan || may_be_orphan(object)) && (!request.owner || facts.owner == *request.owner) &&
           (!request.age || (used != IPC_NO_TIME && used <= now - request.age->count()));
}

/// What is removed already goes by itself: a pattern does not mean it.
bool is_leftover(const Object &object, const std::vector<Selector> &selectors)
{
    return object.state == State::removed &&
           std::none_of(selectors.begin(), selectors.end(), [&](const Selector &selector) {
               return selector.is_exact() && selector.concerns(object.mechanism()) && selector.matches(object.address);
           });
}

std::vector<const Object *> chosen_of(const Snapshot &snapshot, const Request &request,
                                      const std::vector<Selector> &selectors)
{
    std::vector<const Object *> chosen;
    for (const Object &object : snapshot.objects)
        if (is_meant(object, selectors) && passes(object, request, snapshot.taken) && !is_leftover(object, selectors))
            chosen.push_back(&object);
    return chosen;
}

bool is_held(const Object *object) { return !object->holders.empty(); }

/// Mechanisms often do not tell who made an object.
bool knows_creators(const Snapshot &snapshot)
{
    return snapshot.objects.empty() || std::ranges::any_of(snapshot.objects, [](const Object &object) {
               return object.facts.creator != IPC_UNKNOWN;
           });
}

using Prepare = std::function<Result<void>(const Object &object)>;

/// What a mechanism does not show may be removed all the same by its name.
Result<void> remove_unseen(const Unmatched &unmatched, const Request &request, const Family &family)
{
    if (unmatched.reason.code() != ENOTSUP || !request.policy.force || request.dry_run)
        return located(printable(unmatched.pattern), unmatched.reason);
    return remove_named(IPC_TRY(parse_address(unmatched.pattern, family)), nullptr);
}

Result<void> remove_one(const Object &object, const Request &request, const Prepare &prepare)
{
    if (prepare || request.dry_run)
        IPC_TRY(try_removal(object, request.policy));
    if (prepare && !request.dry_run)
        IPC_TRY(prepare(object));
    if (!request.dry_run)
        IPC_TRY(remove_object(object, request.policy));
    if (!request.dry_run && object.plugin->queue())
        remove_large_messages(object.facts.identity);
    if (request.dry_run || request.verbose)
        return print(object.address.text() + '\n');
    return {};
}

} // namespace

Result<int> run_remove(Command &command, const Family &family, std::string_view examples, const Prepare &prepare)
{
    Request request;
    command.describe(fmt::format("Remove {}s that nobody holds.", family.noun), examples);
    declare(command, request, family);
    IPC_TRY(command.parse());
    if (request.patterns.empty() && !request.narrows())
        return usage_error("ADDRESS is missing (or choose among all by --orphan, --owner or --older-than)");

    SnapshotRequest wanted;
    wanted.capability = family.capability;
    wanted.patterns = IPC_TRY(whole_patterns(request, family));
    const std::vector<Selector> selectors = parse_selectors(wanted.patterns);
    const std::vector<FoundPlugin> plugins = find_plugins();
    IPC_TRY(check_selectors(selectors, plugins, family.capability));
    Snapshot snapshot = take_snapshot(plugins, wanted);
    std::vector<const Object *> chosen = chosen_of(snapshot, request, selectors);
    // Who only looks at an object holds it for a moment, so that one look is not enough.
    if (!request.policy.force && std::ranges::any_of(chosen, &is_held)) {
        snapshot = take_snapshot(plugins, wanted);
        chosen = chosen_of(snapshot, request, selectors);
    }

    int status = status::done;
    const auto fail = [&](const Error &error) {
        status = status::failed;
        if (!request.quiet)
            command.report(error);
    };
    if (request.orphan && !knows_creators(snapshot) && !request.quiet)
        command.note(
            fmt::format("nothing tells who made these {}s, so that none of them counts as an orphan (choose by "
                        "--owner or --older-than)",
                        family.noun));
    const auto tell_hidden = [&] {
        std::ranges::for_each(snapshot.notices, [&](const std::string &notice) { command.note(notice); });
    };
    if (request.verbose)
        tell_hidden();
    for (const std::string &failed : snapshot.failures)
        fail(failure(EIO, "{}", failed));
    for (const Unmatched &unmatched : snapshot.unmatched)
        if (const Result<void> removed = remove_unseen(unmatched, request, family); !removed)
            fail(removed.error());
    bool may_be_held = false;
    for (const Object *object : chosen) {
        const Result<void> removed = remove_one(*object, request, prepare);
        if (!removed)
            fail(located(object->address.text(), removed.error()));
        may_be_held |= removed && object->state == State::unknown && !object->plugin->descriptor().remove_unused;
    }
    if (may_be_held && !request.policy.force && !request.quiet && !request.verbose)
        tell_hidden();
    return status;
}

} // namespace ipc
