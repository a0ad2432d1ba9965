// SPDX-License-Identifier: MIT
// The model of what there is: every object of every plugin, joined with the processes that hold it. ipcls prints it,
// ipcwatch shows it live, the removing commands ask it.
#pragma once

#include "address.hpp"
#include "plugins.hpp"
#include "processes.hpp"

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// A process that has an object mapped, open or locked, or waits on it. One per process and object.
struct Holder {
    std::int64_t process = 0;
    std::int64_t start = 0; // nanoseconds since 1970
    std::int64_t parent = 0;
    std::uint64_t threads = 0; // that it has
    std::uint32_t user = 0;
    std::string command;      // any byte
    std::uint32_t access = 0; // IPC_READ | IPC_WRITE over all its mappings and descriptors
    std::uint32_t mappings = 0;
    std::uint32_t descriptors = 0;
    bool waits_to_receive = false;
    bool waits_to_send = false;
    bool has_locked = false;
    bool waits_to_lock = false;
    bool waits_at_word = false; // for what only its programs know

    bool waits() const { return waits_to_receive || waits_to_send || waits_to_lock || waits_at_word; }
};

/// A thread that has an object locked or waits for it, or its process where the thread is not known.
struct Party {
    std::uint32_t role = IPC_ROLE_HAS_LOCKED; // or one of IPC_ROLE_WAITS_…
    std::int64_t process = 0;
    std::int64_t thread = 0;            // 0: not known
    std::uint64_t offset = IPC_UNKNOWN; // as in ipc_party: where only a part of the object is locked
    std::int64_t since = IPC_NO_TIME;

    bool has_locked() const { return role == IPC_ROLE_HAS_LOCKED; }
};

/// In use: somebody holds it or waits on it, the kernel counts somebody who does, or it is a part of what exists.
/// Orphan: nobody has it, its creator and its last user are proven dead, and it was not made to last. Removed: without
/// a name, until its last holder lets go. Unknown: nobody was found, and it is not proven that nobody has it. Idle: all
/// others.
enum class State { in_use, idle, orphan, removed, unknown };
inline constexpr State all_states[] = {State::in_use, State::idle, State::orphan, State::removed, State::unknown};
/// "in use", "idle", "orphan", "removed", "unknown".
std::string_view name_of(State state);

struct Object {
    const Plugin *plugin = nullptr;
    Address address;             // without parameters; text() can be pasted
    std::string detail;          // what else the plugin says; any byte
    ipc_object facts;            // as the plugin emitted it; its pointers are null
    std::vector<Holder> holders; // by process id
    std::vector<Party> parties;  // by process id; their processes are among the holders
    /// Mappings that the kernel counts and the pass did not find: `attached` minus those found, where counted.
    std::uint64_t hidden = 0;
    bool incomplete = false; // not every process that may hold it could be looked into
    /// Why it is incomplete: "3 of 120 processes could not be looked into". Shared by all of a look; null if not known.
    std::shared_ptr<const std::string> unseen;
    /// Who used it last, or made it, and is not proven dead, where nothing but that tells of users; 0 if nobody.
    std::int64_t user = 0;
    bool has_unseen_user = false; ///< somebody who is not visible from here did
    /// Written down in the object itself: the number, in another process namespace, of somebody who has it locked and
    /// is not proven dead. 0 if there is none.
    std::int64_t elsewhere = 0;
    std::string part_of;    ///< the address of what exists and needs it; empty if there is none
    bool abandoned = false; ///< an orphan, if nobody has it
    State state = State::idle;

    std::string_view mechanism() const { return plugin->mechanism(); }
};

struct Limit {
    std::string mechanism, name, meaning;
    std::uint64_t limit, used; // IPC_UNKNOWN as in ipc_limit
    bool bytes;
};

/// What to look for.
struct SnapshotRequest {
    /// Only plugins that offer this capability; empty: all.
    std::string_view capability;
    /// Only these addresses or glob patterns (see selection.hpp); empty: all objects. An exact address is looked up,
    /// so that mechanisms that enumerate nothing are reached too.
    std::vector<std::string> patterns;
    bool objects = true;
    bool holders = true; // needs the pass over /proc
    bool limits = false;
    ProcessPass pass;
};

/// A pattern without an object, and why.
struct Unmatched {
    std::string pattern;
    Error reason;
};

struct Snapshot {
    std::int64_t taken = 0;      // nanoseconds since 1970
    std::vector<Object> objects; // by mechanism, then name
    std::vector<Limit> limits;
    std::vector<std::string> notices; // what is hidden, and what would show it; complete sentences
    /// What should have been looked at and could not be, so that all of this may be incomplete; complete sentences.
    std::vector<std::string> failures;
    std::vector<Unmatched> unmatched;
    ProcessPassResult processes;
};

/// Look at everything, once. What fails of it is told by `failures`; the rest counts. `plugins` is find_plugins()'s.
Snapshot take_snapshot(const std::vector<FoundPlugin> &plugins, const SnapshotRequest &request);

/// Look at the one object of that address, with its holders. ENOENT if there is none.
Result<Object> look_at(const Address &address, const ProcessPass &pass);

/// The addresses of all that the plugins with that capability (all, if empty) enumerate, sorted; without holders and
/// so at once. With a mechanism only its own, and if it enumerates nothing what is found at the holders. For
/// completion.
std::vector<std::string> list_addresses(std::string_view capability, std::string_view mechanism);

/// The holder that is that process; null if there is none.
const Holder *find_holder(const Object &object, std::int64_t process);

/// "812 firefox, 813 "Web Content" and 2 more"; empty if there are none. Names may hold any byte.
std::string list_holders(const std::vector<Holder> &holders);
/// The same, printable.
std::string name_holders(const std::vector<Holder> &holders);

} // namespace ipc
