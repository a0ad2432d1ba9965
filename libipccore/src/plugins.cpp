// SPDX-License-Identifier: MIT
#include "plugins.hpp"

#include "error.hpp"
#include "guarded_access.hpp"
#include "interruption.hpp"
#include "library_file.hpp"
#include "printable.hpp"
#include "suggestion.hpp"
#include "trust.hpp"

#include <ipc/directory.hpp>

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

namespace ipc {
namespace {

constexpr std::string_view file_prefix = "ipc-";
constexpr std::string_view file_suffix = ".so";

/// A file that --plugin named, and the mechanism that its name says.
struct GivenFile {
    std::string mechanism, path;
};

std::vector<GivenFile> &files_given()
{
    static std::vector<GivenFile> files;
    return files;
}

NoticeHandler &notice_handler()
{
    static NoticeHandler handler;
    return handler;
}

/// The mechanism that a plugin file serves by its name; empty if it is not named like a plugin.
std::string_view mechanism_of(std::string_view path)
{
    std::string_view name = path.substr(path.rfind('/') + 1);
    if (!name.starts_with(file_prefix) || !name.ends_with(file_suffix) ||
        name.size() <= file_prefix.size() + file_suffix.size())
        return {};
    name.remove_prefix(file_prefix.size());
    name.remove_suffix(file_suffix.size());
    return name;
}

std::string directory_beside_executable()
{
    std::string path(256, '\0'); // PATH_MAX bytes on the stack would cost a start two more pages
    ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
    for (; length == ssize_t(path.size()); length = readlink("/proc/self/exe", path.data(), path.size()))
        path.resize(path.size() * 2);
    if (length <= 0)
        return {};
    std::string_view directory(path.data(), std::size_t(length));
    directory = directory.substr(0, directory.rfind('/'));
    // The executable's path has no links, so that going up is going one component back.
    std::string_view down = IPCUTILS_PLUGIN_PATH_FROM_BIN;
    for (constexpr std::string_view up = "../"; down.starts_with(up); down.remove_prefix(up.size()))
        directory = directory.substr(0, directory.rfind('/'));
    return fmt::format("{}/{}", directory, down);
}

template <typename Table> void take_capability(const ipc_plugin &descriptor, const char *name, Table &into)
{
    if (const void *table = descriptor.capability(name))
        adopt_table(into, table);
}

const ipc_host &host_services()
{
    static const ipc_host services = {
        .size = sizeof services,
        .abi = IPC_ABI,
        .notice = [](const char *text) { notice(printable(text)); },
        .interrupted = disturbed,
        .deadline = wait_deadline,
        .attempt = guarded_attempt,
    };
    return services;
}

/// The first thing about a descriptor that a host must not accept, as "field: got …, expected …".
std::string defect(const ipc_plugin *raw, std::string_view mechanism)
{
    if (!raw)
        return "ipc_plugin_entry() returned no descriptor";
    if (raw->abi != IPC_ABI)
        return fmt::format("abi is {}, expected {} (build it against this version)", raw->abi, IPC_ABI);
    constexpr std::size_t least = offsetof(ipc_plugin, check) + sizeof raw->check;
    if (raw->size < least)
        return fmt::format("size is {}, expected at least {}", raw->size, least);
    const std::pair<const char *, bool> mandatory[] = {
        {"id", raw->id}, {"capability", raw->capability}, {"check", raw->check}};
    for (const auto &[field, is_there] : mandatory)
        if (!is_there)
            return fmt::format("{} is null, expected a pointer", field);
    if (raw->parameter_count && !raw->parameters)
        return fmt::format("parameters is null, expected {} of them", raw->parameter_count);
    for (std::uint32_t i = 0; i < raw->parameter_count; i++)
        if (!raw->parameters[i].key)
            return fmt::format("parameters[{}].key is null, expected a pointer", i);
    if (mechanism != raw->id)
        return fmt::format("id is \"{}\", expected \"{}\" as the file name says", printable(raw->id), mechanism);
    return {};
}

/// What the tables of a plugin lack of what is not optional; empty if nothing.
std::string missing_function(const Plugin &plugin)
{
    const auto *segment = plugin.segment();
    const auto *queue = plugin.queue();
    const auto *stream = plugin.stream();
    const auto *semaphore = plugin.semaphore();
    const auto *inspect = plugin.inspect();
    const struct {
        std::string_view capability, function;
        bool is_there;
    } mandatory[] = {
        {IPC_SEGMENT_1, "create", !segment || segment->create},
        {IPC_SEGMENT_1, "open", !segment || segment->open},
        {IPC_SEGMENT_1, "status", !segment || segment->status},
        {IPC_SEGMENT_1, "map", !segment || segment->map},
        {IPC_SEGMENT_1, "close", !segment || segment->close},
        {IPC_QUEUE_1, "create", !queue || queue->create},
        {IPC_QUEUE_1, "open", !queue || queue->open},
        {IPC_QUEUE_1, "status", !queue || queue->status},
        {IPC_QUEUE_1, "send", !queue || queue->send},
        {IPC_QUEUE_1, "receive", !queue || queue->receive},
        {IPC_QUEUE_1, "close", !queue || queue->close},
        {IPC_STREAM_1, "listen", !stream || stream->listen},
        {IPC_STREAM_1, "connect", !stream || stream->connect},
        {IPC_STREAM_1, "close", !stream || stream->close},
        {IPC_SEMAPHORE_1, "create", !semaphore || semaphore->create},
        {IPC_SEMAPHORE_1, "open", !semaphore || semaphore->open},
        {IPC_SEMAPHORE_1, "status", !semaphore || semaphore->status},
        {IPC_SEMAPHORE_1, "lock", !semaphore || semaphore->lock},
        {IPC_SEMAPHORE_1, "unlock", !semaphore || semaphore->unlock},
        {IPC_SEMAPHORE_1, "close", !semaphore || semaphore->close},
        {IPC_INSPECT_1, "look", !inspect || inspect->look},
    };
    for (const auto &[capability, function, is_there] : mandatory)
        if (!is_there)
            return fmt::format("its table {} has no {}(), or a size in front of it", capability, function);
    return {};
}

Error refused(const std::string &path, std::string_view reason)
{
    return failure(ENOEXEC, "plugin {} refused: {}", shortened(printable(path)), reason);
}

struct PluginFiles {
    std::map<std::string, std::string, std::less<>> by_mechanism; // the first of each
    std::vector<FoundPlugin> unread;                              // directories
};

/// Does a failed look-up only say that there is nothing of that name?
bool is_absence(int code) { return code == ENOENT || code == ENOTDIR || code == ENAMETOOLONG; }

Result<void> add_files(const std::string &directory, PluginFiles &files)
{
    const Directory stream(opendir(directory.c_str()));
    if (!stream)
        return is_absence(errno) ? Result<void>() : Error::system("it cannot be read");
    return each_entry(stream.get(), "it cannot be read", [&](const dirent &entry) {
        if (const std::string_view mechanism = mechanism_of(entry.d_name); !mechanism.empty())
            files.by_mechanism.emplace(mechanism, directory + '/' + entry.d_name);
        return true;
    });
}

/// Every plugin file of the search path.
PluginFiles plugin_files()
{
    PluginFiles files;
    for (const GivenFile &file : files_given())
        files.by_mechanism.emplace(file.mechanism, file.path);
    for (const std::string &directory : plugin_directories())
        if (const Result<void> added = add_files(directory, files); !added)
            files.unread.push_back(
                {"", directory, nullptr,
                 fmt::format("plugin directory {}: {}", shortened(printable(directory)), added.error().text())});
    return files;
}

Error unknown_mechanism(std::string_view mechanism)
{
    std::vector<std::string> known;
    for (const auto &[id, path] : plugin_files().by_mechanism)
        known.push_back(id);
    if (known.empty())
        return usage_error("no plugin for mechanism {} (IPC_PLUGIN_PATH names directories of plugins)", mechanism);
    if (const std::optional<std::string> near = suggestion(mechanism, known))
        return usage_error("no mechanism {} (did you mean {}?)", mechanism, *near);
    return usage_error("no mechanism {} (there are {})", mechanism, fmt::join(known, ", "));
}

} // namespace

bool Plugin::offers(std::string_view capability) const
{
    return descriptor_.capability(std::string(capability).c_str()) || (capability == IPC_QUEUE_1 && stream());
}

Result<void> Plugin::check(const Address &address) const
{
    for (const Address::Parameter &parameter : address.parameters) {
        if (std::ranges::count(address.parameters, parameter.key, &Address::Parameter::key) > 1)
            return usage_error("{}: {}= is given more than once", address.text(), printable(parameter.key));
        std::vector<std::string> known;
        for (std::uint32_t i = 0; i < descriptor_.parameter_count; i++)
            known.emplace_back(descriptor_.parameters[i].key);
        if (std::find(known.begin(), known.end(), parameter.key) != known.end())
            continue;
        // Taken from addresses of segments and of queues, and so not seen here.
        if (segment() && parameter.key != sequence_key)
            known.emplace_back(sequence_key);
        if (stream() && parameter.key != frame_key)
            known.emplace_back(frame_key);
        const std::optional<std::string> near = suggestion(parameter.key, known);
        return usage_error("{}: {} takes no parameter \"{}\" ({})", address.text(), address.mechanism,
                           printable(parameter.key),
                           near            ? fmt::format("did you mean {}?", *near)
                           : known.empty() ? "it takes none"
                                           : fmt::format("it takes {}", fmt::join(known, ", ")));
    }
    if (address.frame && !stream())
        return usage_error("{}: {} takes no parameter \"{}\" (its messages are whole by themselves)", address.text(),
                           address.mechanism, frame_key);
    const CrossingAddress crossing(address);
    if (Result<void> checked = call(descriptor_.check, crossing.get()); !checked)
        return usage_error("{}: {}", address.text(), checked.error().text());
    return {};
}

Result<const Plugin *> load_plugin_file(const std::string &path, std::string_view mechanism)
{
    static std::map<std::string, std::unique_ptr<Plugin>> loaded;
    if (const auto found = loaded.find(path); found != loaded.end())
        return found->second.get();
    Result<std::string> trusted = check_trust(path);
    if (!trusted)
        return refused(path, trusted.error().text());
    if (const Result<void> whole = check_library_file(*trusted); !whole)
        return refused(path, whole.error().text());
    void *handle = dlopen(trusted->c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return refused(path, printable(dlerror()));
    const auto entry = reinterpret_cast<const ipc_plugin *(*)()>(dlsym(handle, "ipc_plugin_entry"));
    if (!entry)
        return refused(path, "it exports no ipc_plugin_entry, which every plugin does");
    const ipc_plugin *raw = entry();
    if (const std::string reason = defect(raw, mechanism); !reason.empty())
        return refused(path, reason);

    auto plugin = std::make_unique<Plugin>();
    plugin->path_ = path;
    adopt_table(plugin->descriptor_, raw);
    if (plugin->descriptor_.init)
        if (Result<void> ready = call(plugin->descriptor_.init, &host_services()); !ready)
            return refused(path, ready.error().text());
    take_capability(plugin->descriptor_, IPC_SEGMENT_1, plugin->segment_);
    take_capability(plugin->descriptor_, IPC_QUEUE_1, plugin->queue_);
    take_capability(plugin->descriptor_, IPC_STREAM_1, plugin->stream_);
    take_capability(plugin->descriptor_, IPC_SEMAPHORE_1, plugin->semaphore_);
    take_capability(plugin->descriptor_, IPC_INSPECT_1, plugin->inspect_);
    if (const std::string missing = missing_function(*plugin); !missing.empty())
        return refused(path, missing);
    return loaded.emplace(path, std::move(plugin)).first->second.get();
}

namespace {
Result<std::string> file_of(std::string_view mechanism)
{
    for (const GivenFile &file : files_given())
        if (file.mechanism == mechanism)
            return file.path;
    std::optional<Error> unreached;
    for (const std::string &directory : plugin_directories()) {
        std::string path = fmt::format("{}/{}{}{}", directory, file_prefix, mechanism, file_suffix);
        if (faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) // as a listing sees it
            return path;
        if (const int code = errno; !is_absence(code) && !unreached)
            unreached =
                failure(code, "plugin {} cannot be reached: {} (this user must be able to search its directories)",
                        shortened(printable(path)), std::strerror(code));
    }
    return unreached ? *unreached : unknown_mechanism(mechanism);
}
} // namespace

Result<const Plugin *> load_plugin(std::string_view mechanism)
{
    static std::string last_mechanism, last_file; // a command asks for the plugin of its object several times
    if (mechanism != last_mechanism) {
        last_file = IPC_TRY(file_of(mechanism));
        last_mechanism = mechanism;
    }
    return load_plugin_file(last_file, mechanism);
}

std::vector<FoundPlugin> find_plugins()
{
    PluginFiles files = plugin_files();
    std::vector<FoundPlugin> found = std::move(files.unread);
    for (const auto &[mechanism, path] : files.by_mechanism) {
        FoundPlugin &plugin = found.emplace_back(FoundPlugin{mechanism, path, nullptr, {}});
        if (Result<const Plugin *> loaded = load_plugin_file(path, mechanism); loaded)
            plugin.plugin = *loaded;
        else
            plugin.refusal = loaded.error().text();
    }
    if (found.empty())
        found.push_back({"", directory_beside_executable(), nullptr,
                         "there is no plugin (IPC_PLUGIN_PATH names directories of plugins)"});
    return found;
}

Result<void> add_plugin_file(const std::string &path)
{
    if (mechanism_of(path).empty())
        return usage_error("{}: a plugin file is named ipc-MECHANISM.so", printable(path));
    char *absolute = realpath(path.c_str(), nullptr);
    if (!absolute)
        return failure(errno, "{}: {}", printable(path), std::strerror(errno));
    std::free(absolute);
    files_given().push_back({std::string(mechanism_of(path)), path});
    return {};
}

std::vector<std::string> plugin_directories()
{
    std::vector<std::string> directories;
    const char *path = environment_is_trusted() ? secure_getenv("IPC_PLUGIN_PATH") : nullptr;
    for (std::string_view rest = path ? path : ""; !rest.empty();) {
        const std::string_view directory = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
        if (!directory.empty())
            directories.emplace_back(directory);
    }
    directories.push_back(directory_beside_executable());
    return directories;
}

Error plugin_error(int answer, ipc_error &raw)
{
    constexpr int last_errno = 4095;
    const bool is_known = answer >= -last_errno || answer == -usage_code; // which the host's own queues of streams give
    const int code = is_known ? -answer : EIO;
    raw.text[sizeof raw.text - 1] = '\0';
    return failure(code == EPIPE ? ECONNRESET : code, "{}", raw.text[0] ? printable(raw.text) : std::strerror(code));
}

NoticeHandler set_notice_handler(NoticeHandler handler) { return std::exchange(notice_handler(), std::move(handler)); }

void notice(std::string_view text)
{
    if (notice_handler())
        notice_handler()(text);
}

CrossingAddress::CrossingAddress(const Address &address)
{
    for (const Address::Parameter &parameter : address.parameters)
        parameters_.push_back({parameter.key.c_str(), parameter.value.c_str()});
    raw_ = {sizeof raw_, static_cast<std::uint32_t>(parameters_.size()), address.name.c_str(), parameters_.data()};
}

Result<void> remove_named(const Address &address, const ipc_identity *expected)
{
    const Plugin *plugin = IPC_TRY(load_plugin(address.mechanism));
    if (!plugin->descriptor().remove)
        return located(address.text(), failure(ENOTSUP, "objects of this mechanism cannot be removed"));
    const CrossingAddress crossing(address);
    if (Result<void> removed = call(plugin->descriptor().remove, crossing.get(), expected); !removed)
        return located(address.text(), removed.error());
    return {};
}

} // namespace ipc
