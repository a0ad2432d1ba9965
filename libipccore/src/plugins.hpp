// SPDX-License-Identifier: MIT
// Finding, checking and loading plugins. The only place that knows about dlopen.
#pragma once

#include "address.hpp"

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// A plugin that passed the gate. Lives as long as the process; its tables are copies that are zero-filled behind
/// what the plugin knows, so an absent function is a null pointer.
class Plugin {
public:
    const ipc_plugin &descriptor() const { return descriptor_; }
    std::string_view mechanism() const { return descriptor_.id; }
    const std::string &path() const { return path_; }

    const ipc_segment_v1 *segment() const { return segment_.size ? &segment_ : nullptr; }
    const ipc_queue_v1 *queue() const { return queue_.size ? &queue_ : nullptr; }
    const ipc_stream_v1 *stream() const { return stream_.size ? &stream_ : nullptr; }
    const ipc_semaphore_v1 *semaphore() const { return semaphore_.size ? &semaphore_ : nullptr; }
    const ipc_inspect_v1 *inspect() const { return inspect_.size ? &inspect_ : nullptr; }
    /// Streams count as queues, which the host makes of them.
    bool offers(std::string_view capability) const;

    /// Check an address: no unknown key, and well-formed in the plugin's eyes.
    Result<void> check(const Address &address) const;

private:
    friend Result<const Plugin *> load_plugin_file(const std::string &path, std::string_view mechanism);
    friend struct FakePlugin; // tests make plugins without a file
    std::string path_;
    ipc_plugin descriptor_ = {};
    ipc_segment_v1 segment_ = {};
    ipc_queue_v1 queue_ = {};
    ipc_stream_v1 stream_ = {};
    ipc_semaphore_v1 semaphore_ = {};
    ipc_inspect_v1 inspect_ = {};
};

/// Load one file through the gate: trusted path, abi, size, mandatory pointers, id equal to `mechanism`. A refusal is
/// one sentence with file, field, got and expected. The same path is loaded once.
Result<const Plugin *> load_plugin_file(const std::string &path, std::string_view mechanism);

/// The plugin of a mechanism: --plugin files first, then IPC_PLUGIN_PATH, then the directory beside the executable.
/// An unknown mechanism is a usage error with a suggestion; that its plugin cannot be reached is none.
Result<const Plugin *> load_plugin(std::string_view mechanism);

/// A plugin file as found in the search path, and what came of it. Or a directory there that cannot be read, so that
/// plugins may be missing: then `mechanism` is empty, and `refusal` says why.
struct FoundPlugin {
    std::string mechanism;
    std::string path;
    const Plugin *plugin = nullptr; // null: refused
    std::string refusal;
};

/// Load every plugin of the search path, in alphabetical order, behind the directories that cannot be read. Of two for
/// one mechanism the first found counts.
std::vector<FoundPlugin> find_plugins();

/// Put a file in front of the search path (`--plugin FILE`). Its name says the mechanism.
Result<void> add_plugin_file(const std::string &path);

/// Where plugins are looked for, in order. Empty entries of the environment are left out; all of it is ignored where
/// privileges forbid it (set-user-id, file capabilities, any effective capability without being root).
std::vector<std::string> plugin_directories();

/// Receives what plugins tell through ipc_host::notice. The runner prints it on stderr behind the command's name.
using NoticeHandler = std::function<void(std::string_view text)>;
/// Put another handler in place; returns the one before, for putting it back.
NoticeHandler set_notice_handler(NoticeHandler handler);
void notice(std::string_view text);

/// An address in the form in which it crosses the boundary. Borrows from `address`, which must live longer.
class CrossingAddress {
public:
    explicit CrossingAddress(const Address &address);
    const ipc_address *get() const { return &raw_; }

private:
    std::vector<ipc_parameter> parameters_;
    ipc_address raw_ = {};
};

/// Copy what the maker of a record, which may be older or newer, knows of it; the rest stays as it is.
template <typename Record> void adopt(Record &into, const void *from)
{
    std::memcpy(&into, from, std::min<std::size_t>(sizeof into, *static_cast<const std::uint32_t *>(from)));
    into.size = sizeof into;
}

/// The same for a table of functions, of which one that `size` cuts through is absent.
template <typename Table> void adopt_table(Table &into, const void *from)
{
    const std::size_t size = *static_cast<const std::uint32_t *>(from);
    std::memcpy(&into, from, std::min(sizeof into, size - size % sizeof(void *)));
    into.size = sizeof into;
}

/// What a plugin says of its failure, made harmless: printable, never without a text, and with an errno value that is
/// no broken standard output.
/// `answer` is what the plugin's function returned, a negative errno value.
Error plugin_error(int answer, ipc_error &raw);

/// Call `function(arguments..., &error)` of a plugin and turn its answer into a Result.
template <typename Function, typename... Arguments> Result<void> call(Function *function, Arguments... arguments)
{
    ipc_error error; // not cleared: that would cost more than all else that is done here for a message
    error.size = sizeof error;
    error.code = 0;
    error.text[0] = '\0';
    int code = function(arguments..., &error);
    if (code >= 0)
        return {};
    return plugin_error(code, error);
}

/// Remove the object of that address, only if it is the one with `expected` (may be null). The error names the address.
Result<void> remove_named(const Address &address, const ipc_identity *expected);

} // namespace ipc
