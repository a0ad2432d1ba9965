// SPDX-License-Identifier: MIT
// Objects as plugins emit them, found again by their identity while a pass over /proc offers what processes hold.
#pragma once

#include "snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace ipc {

/// Copy what the plugin that made a record knew of it over a cleared one: it may be older or newer than this host.
ipc_object complete_record(const ipc_object &emitted);
ipc_limit complete_record(const ipc_limit &emitted);
ipc_party complete_record(const ipc_party &emitted);

/// How much of what processes have was offered: nothing, what this user may see, or all.
enum class Coverage { none, partial, whole };

/// Collects objects, then holders. The plugins must outlive it.
class Inventory {
public:
    /// Take part in claims, after everything that was listed before.
    void add_plugin(const Plugin &plugin);

    /// Add all that a plugin enumerates.
    Result<void> list(const Plugin &plugin);
    /// The object of that name; its index in objects(). It is added if it is not there, unless only what is may be
    /// meant.
    Result<std::size_t> look(const Plugin &plugin, const Address &address, bool may_add = true);

    /// Ask a plugin who has its objects locked and who waits for them; before the pass.
    Result<void> ask_parties(const Plugin &plugin);

    /// What these plugins may claim together, IPC_CLAIMS_….
    std::uint32_t claims() const { return claims_; }

    /// Ask the kernel also which words of what a process has mapped it has locked; not asked unless told to.
    void look_for_locked_words(bool wanted) { wants_locked_words_ = wanted; }

    /// Offer what a process has. Sights of one process come together, its calls after its descriptors.
    void see(const ipc_sight &sight);

    /// After the pass: fill in who the holders are, count what was not found, and decide each object's state. `unseen`
    /// says why coverage is not whole.
    void settle(Coverage coverage, std::string unseen = {});

    std::vector<Object> &objects() { return objects_; }

    /// Of processes whose memory holds such an object, those whose robust mutexes could not be seen.
    std::uint64_t unread_processes() const { return unread_; }

private:
    /// An object is never known by its name or number alone.
    struct Key {
        const Plugin *plugin;
        std::uint64_t space, device, number;
        bool operator==(const Key &) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key &key) const;
    };
    struct DescriptorClaim {
        std::int64_t number;
        Key key;
    };

    struct MappingClaim {
        std::uint64_t start, end, offset;
        std::uint32_t access;
        Key key;
    };
    struct FoundParty {
        Key key;
        Party party;
    };
    struct ToldParty {
        Key key;
        Party party;
        bool certain;
        std::string name;
        std::uint64_t space; // of its process; 0: this one
    };
    struct Whole {
        std::size_t part;
        std::string address;
        ipc_identity identity;
    };

    static Key key_of(const Plugin &plugin, const ipc_identity &identity);
    std::size_t add(const Plugin &plugin, const ipc_object &emitted);
    void take(std::size_t index, const ipc_object &emitted);
    /// Make what was added known by its identity, which a mere listing needs not.
    void index_objects();
    std::optional<std::size_t> find(const Plugin &plugin, const ipc_object &emitted);
    void offer(const Plugin &plugin, const ipc_sight &sight);
    std::optional<Key> resolve(const Plugin &plugin, const ipc_sight &sight, const ipc_claim &claim) const;
    void hold(const Key &key, const ipc_sight &sight);
    void see_word(std::uint64_t address, const Party &party);
    void finish_process();
    void join_found();
    void join_told(Coverage coverage);
    void find_elsewhere(ToldParty &told, Object &object, Coverage coverage);
    void join_wholes();
    bool is_believable(const ToldParty &told, const Object &object) const;
    std::optional<std::size_t> object_of(const ToldParty &told);
    std::optional<std::size_t> find_improvable(const Key &key) const;
    void try_to_describe(const Key &key, const ipc_sight &sight);
    void try_to_describe_better(std::size_t index, const ipc_sight &sight);

    std::vector<const Plugin *> plugins_; // those that claim
    std::uint32_t claims_ = 0;
    std::vector<Object> objects_;
    std::unordered_map<Key, std::size_t, KeyHash> known_;
    std::size_t indexed_ = 0;                                       // so many of objects_ are known
    std::vector<std::pair<std::size_t, std::size_t>> twins_;        // a second name of an object, and its first
    std::unordered_map<Key, std::vector<Holder>, KeyHash> pending_; // claimed, but not yet an object
    std::vector<std::size_t> by_mapping_;                           // described from a mapping, and nothing better yet
    std::vector<std::size_t> by_name_;                              // looked up, where holders tell more than names
    std::int64_t process_ = 0;
    std::vector<DescriptorClaim> descriptors_; // of process_
    std::vector<MappingClaim> mappings_;       // of process_, by address
    std::vector<FoundParty> found_;            // by the pass
    std::vector<ToldParty> told_;              // by plugins
    std::vector<std::size_t> named_by_party_;  // objects that nothing else shows
    std::vector<Whole> wholes_;                // that objects say they are parts of
    bool wants_locked_words_ = false;
    std::uint64_t unread_ = 0;
};

} // namespace ipc
