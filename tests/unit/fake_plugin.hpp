// SPDX-License-Identifier: MIT
// A plugin that is no file, for tests of what the host does with its answers.
#pragma once

#include "plugins.hpp"

#include <string>

namespace ipc {

struct FakePlugin {
    enum class Kind { segment, queue };

    /// `mechanism` must outlive it: a literal.
    FakePlugin(const char *mechanism, Kind kind, const ipc_inspect_v1 &inspect = {})
    {
        plugin.descriptor_.size = sizeof(ipc_plugin);
        plugin.descriptor_.abi = IPC_ABI;
        plugin.descriptor_.id = mechanism;
        plugin.descriptor_.capability = kind == Kind::segment ? only_segment : only_queue;
        plugin.descriptor_.check = [](const ipc_address *, ipc_error *) { return 0; };
        plugin.segment_.size = kind == Kind::segment ? sizeof plugin.segment_ : 0;
        plugin.queue_.size = kind == Kind::queue ? sizeof plugin.queue_ : 0;
        plugin.inspect_ = inspect;
        plugin.inspect_.size = sizeof plugin.inspect_;
        plugin.path_ = std::string("/ipc-") + mechanism + ".so";
    }
    FakePlugin(const FakePlugin &) = delete;

    FoundPlugin found() const { return {plugin.descriptor().id, plugin.path(), &plugin, {}}; }
    void set_remove(int (*remove)(const ipc_address *, const ipc_identity *, ipc_error *))
    {
        plugin.descriptor_.remove = remove;
    }

    /// Beside what it offers, with these features and no function.
    void offer_semaphores(std::uint32_t features)
    {
        plugin.semaphore_.size = sizeof plugin.semaphore_;
        plugin.semaphore_.features = features;
    }

    Plugin plugin;

private:
    static const void *only_segment(const char *name)
    {
        return std::string_view(name) == IPC_SEGMENT_1 ? name : nullptr;
    }
    static const void *only_queue(const char *name) { return std::string_view(name) == IPC_QUEUE_1 ? name : nullptr; }
};

} // namespace ipc
