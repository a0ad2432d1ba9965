// SPDX-License-Identifier: MIT
// boost-shm: managed segments of Boost.Interprocess, files in /dev/shm with named objects inside. A segment as a whole
// is opened whatever is in it; its structure is asked for only when its parts are.
#include "boost_shm.hpp"

#include "structure.hpp"

#include <ipc/descriptor_segment.hpp>
#include <ipc/shm_directory.hpp>

#include <algorithm>

namespace {

using boost_shm::Contents;
using boost_shm::Object;
using boost_shm::Target;
using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::Result;

constexpr const char *place = ipc::shm_directory;

Error inside_error(const char *what)
{
    return Error::of(EINVAL, "objects inside a segment are %s by the programs that use it (leave out # and the rest)",
                     what);
}

/// The object of that name; if there are two, the one that was given it and not the one named by its type.
Result<Object> find_object(int descriptor, std::string_view name)
{
    Contents contents = IPC_TRY(boost_shm::read_contents(descriptor));
    auto found = std::find_if(contents.objects.begin(), contents.objects.end(),
                              [&](const Object &object) { return object.name == name; });
    if (found == contents.objects.end())
        return Error::of(ENOENT,
                         "the segment holds no object of that name (shmcat lists its %zu, without # and the rest)",
                         contents.objects.size());
    return *found;
}

/// A whole segment, or the bytes of one object.
struct Memory : ipc::DescriptorSegment {
    using DescriptorSegment::DescriptorSegment;

    static Result<std::unique_ptr<Memory>> create(const ipc_address &address, std::uint64_t bytes,
                                                  const ipc_ownership &ownership)
    {
        Target target(address.name);
        if (target.object)
            return inside_error("made");
        Fd directory = IPC_TRY(ipc::open_shm_directory());
        IPC_TRY(ipc::expect_memory(directory.get()));
        bool populate = ipc::parameter_is_set(address, "populate");
        return ipc::create_segment<Memory>(directory.get(), target.segment.leaf(), bytes, ownership, populate, place,
                                           boost_shm::build);
    }

    static Result<std::unique_ptr<Memory>> open(const ipc_address &address, std::uint32_t access)
    {
        Target target(address.name);
        Fd file = IPC_TRY(ipc::open_file(ipc::ShmPath(target.segment).text(), access, O_NOFOLLOW));
        auto memory =
            std::make_unique<Memory>(std::move(file), access, ipc::parameter_is_set(address, "populate"), place);
        if (target.object)
            memory->object_ = IPC_TRY(find_object(memory->descriptor(), *target.object));
        return memory;
    }

    Result<void> status(ipc_segment_status &status)
    {
        IPC_TRY(DescriptorSegment::status(status));
        if (object_) {
            status.descriptor = -1; // has no offset for its first byte
            status.bytes = object_->bytes;
        }
        return {};
    }

    Result<void> map(ipc_mapping &mapping)
    {
        IPC_TRY(DescriptorSegment::map(mapping));
        if (!object_)
            return {};
        if (object_->offset > mapping.length || object_->bytes > mapping.length - object_->offset)
            return Error::of(ESTALE, "the segment was cut off to %" PRIu64 " bytes, before the end of the object",
                             mapping.length);
        mapping.address = static_cast<char *>(mapping.address) + object_->offset;
        mapping.length = object_->bytes;
        return {};
    }

    /// Boost grows a segment by rewriting its structure, which this process trusts too little to do.
    Result<void> resize(std::uint64_t bytes) = delete;

    Result<void> list_parts(const Emit<ipc_part> &emit)
    {
        if (object_)
            return Error::of(ENOTSUP, "it is one object of a segment");
        Contents contents = IPC_TRY(boost_shm::read_contents(descriptor()));
        if (std::string lock = boost_shm::lock_state(contents.header); !lock.empty() && ipc::host)
            ipc::host->notice(("the segment's lock is " + lock + "; it was read without").c_str());
        for (const Object &object : contents.objects)
            if (!emit({.size = sizeof(ipc_part),
                       .flags = 0,
                       .name = object.name.c_str(),
                       .type = object.is_unique ? "unique" : "named",
                       .offset = object.offset,
                       .bytes = object.bytes}))
                return {};
        emit({.size = sizeof(ipc_part),
              .flags = IPC_PART_FREE,
              .name = nullptr,
              .type = nullptr,
              .offset = IPC_UNKNOWN,
              .bytes = boost_shm::free_bytes(contents.header)});
        return {};
    }

private:
    std::optional<Object> object_;
};

Result<void> check(const ipc_address &address)
{
    IPC_TRY(ipc::PosixName::check(boost_shm::segment_part(address.name)));
    return ipc::check_switch(address, "populate");
}

Result<void> remove(const ipc_address &address, const ipc::Removal &removal)
{
    Target target(address.name);
    if (target.object)
        return inside_error("destroyed");
    Fd directory = IPC_TRY(ipc::open_shm_directory());
    return ipc::remove_file(directory.get(), target.segment.leaf(), removal);
}

constexpr ipc_segment_v1 segment = ipc::segment_table<Memory>();

const void *capability(const char *name)
{
    std::string_view wanted = name;
    if (wanted == IPC_SEGMENT_1)
        return &segment;
    return wanted == IPC_INSPECT_1 ? &boost_shm::inspect : nullptr;
}

constexpr ipc_parameter_info parameters[] = {
    {"populate", nullptr, "fault all pages in when it is created or mapped, not at the first touch of each"},
};

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "boost-shm",
    .summary = "managed shared memory of Boost.Interprocess",
    .version = "1.0",
    .parameters = parameters,
    .parameter_count = std::size(parameters),
    .flags = 0,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = ipc::remove_always<remove>,
    .remove_unused = ipc::remove_unused<remove>,
};

} // namespace

IPC_PLUGIN(plugin)
