// SPDX-License-Identifier: MIT
// template: the smallest useful plugin. Its segments are the files /tmp/ipc-template.NAME, `template:NAME` to the user.
//
// Replace what is marked "yours". What each function must do, and which errors it may give, is said in ipc/plugin.h;
// see ipc-plugin(3) for the whole picture.
#include <ipc/descriptor_segment.hpp>
#include <ipc/inspect.hpp>

#include <dirent.h>

namespace {

using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::Result;

// Yours: where the mechanism keeps its objects, and what a name is to it.
constexpr const char *directory = "/tmp";
constexpr std::string_view prefix = "ipc-template.";

class FileName {
public:
    explicit FileName(const char *name)
    {
        std::snprintf(text_, sizeof text_, "%.*s%s", int(prefix.size()), prefix.data(), name);
    }
    const char *text() const { return text_; }

private:
    char text_[NAME_MAX + 1];
};

// Called before an address is used for anything else. A refusal says what a right one looks like.
Result<void> check(const ipc_address &address)
{
    std::string_view name = address.name;
    if (name.empty() || name.size() > NAME_MAX - prefix.size() || name.find('/') != name.npos)
        return Error::of(EINVAL, "a name has 1 to %zu bytes and no slash, as in template:example",
                         NAME_MAX - prefix.size());
    return {};
}

Result<Fd> open_directory()
{
    Fd opened(::open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return Error::system(directory);
    return opened;
}

// ipc.segment/1. DescriptorSegment serves whatever has a descriptor that can be mapped; a mechanism without one
// defines status(), map() and, if it can, resize() itself.
struct Memory : ipc::DescriptorSegment {
    using DescriptorSegment::DescriptorSegment;

    static Result<std::unique_ptr<Memory>> create(const ipc_address &address, std::uint64_t bytes,
                                                  const ipc_ownership &ownership)
    {
        Fd place = IPC_TRY(open_directory());
        return ipc::create_segment<Memory>(place.get(), FileName(address.name).text(), bytes, ownership, false,
                                           directory);
    }

    static Result<std::unique_ptr<Memory>> open(const ipc_address &address, std::uint32_t access)
    {
        char path[PATH_MAX];
        std::snprintf(path, sizeof path, "%s/%s", directory, FileName(address.name).text());
        return std::make_unique<Memory>(IPC_TRY(ipc::open_file(path, access, O_NOFOLLOW)), access, false, directory);
    }
};

Result<void> remove(const ipc_address &address, const ipc::Removal &removal)
{
    Fd place = IPC_TRY(open_directory());
    return ipc::remove_file(place.get(), FileName(address.name).text(), removal);
}

// ipc.inspect/1: what exists. `claim`, which would join processes to it, is left out here: ipcls then knows no holders.
struct Inspection {
    static Result<void> list(const Emit<ipc_object> &emit)
    {
        std::unique_ptr<DIR, int (*)(DIR *)> opened(::opendir(directory), ::closedir);
        if (!opened)
            return Error::system(directory);
        while (const dirent *entry = ::readdir(opened.get()))
            if (std::string_view(entry->d_name).starts_with(prefix) && !emit_file(entry->d_name, emit))
                break;
        return {};
    }

    static Result<void> look(const ipc_address &address, const Emit<ipc_object> &emit)
    {
        struct statx status;
        FileName name(address.name);
        Fd place = IPC_TRY(open_directory());
        if (int code = ipc::file_status(place.get(), name.text(), AT_SYMLINK_NOFOLLOW, status))
            return ipc::lookup_error(code);
        emit_file(name.text(), emit);
        return {};
    }

private:
    static bool emit_file(const char *leaf, const Emit<ipc_object> &emit)
    {
        char path[PATH_MAX];
        std::snprintf(path, sizeof path, "%s/%s", directory, leaf);
        struct statx status;
        if (ipc::file_status(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, status) != 0 || !S_ISREG(status.stx_mode))
            return true; // gone meanwhile, or not ours: go on
        ipc_object object;
        ipc_object_clear(&object);
        object.name = leaf + prefix.size();
        ipc::describe_file(status, object);
        return emit(object);
    }
};

constexpr ipc_segment_v1 segment = ipc::segment_table<Memory>();
constexpr ipc_inspect_v1 inspect = ipc::inspect_table<Inspection>();

const void *capability(const char *name)
{
    std::string_view wanted = name;
    if (wanted == IPC_SEGMENT_1)
        return &segment;
    return wanted == IPC_INSPECT_1 ? &inspect : nullptr;
}

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "template",
    .summary = "an example: files in /tmp",
    .version = "1.0",
    .parameters = nullptr,
    .parameter_count = 0,
    .flags = 0,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = ipc::remove_always<remove>,
    .remove_unused = ipc::remove_unused<remove>,
};

} // namespace

IPC_PLUGIN(plugin)
