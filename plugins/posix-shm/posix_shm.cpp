// SPDX-License-Identifier: MIT
// posix-shm: POSIX shared memory, shm_overview(7). Its objects are the regular files in /dev/shm.
#include "posix_shm.hpp"

#include <ipc/descriptor_segment.hpp>
#include <ipc/shm_directory.hpp>

namespace {

using ipc::Error;
using ipc::Fd;
using ipc::HeldFile;
using ipc::PosixName;
using ipc::Result;

constexpr const char *place = ipc::shm_directory;

struct Memory : ipc::HeldSegment {
    using HeldSegment::HeldSegment;
    static constexpr std::uint32_t features = IPC_SEGMENT_PAYLOADS;

    static Result<std::unique_ptr<Memory>> create(const ipc_address &address, std::uint64_t bytes,
                                                  const ipc_ownership &ownership)
    {
        Fd directory = IPC_TRY(place_for(address));
        return ipc::create_segment<Memory>(directory.get(), PosixName(address.name).leaf(), bytes, ownership,
                                           ipc::parameter_is_set(address, "populate"), place);
    }

    static Result<std::unique_ptr<Memory>> create_unnamed(const ipc_address &address, std::uint64_t bytes,
                                                          const ipc_ownership &ownership)
    {
        Fd directory = IPC_TRY(place_for(address));
        return ipc::create_unnamed_segment<Memory>(std::move(directory), PosixName(address.name).leaf(), bytes,
                                                   ownership, ipc::parameter_is_set(address, "populate"), place);
    }

    static Result<std::unique_ptr<Memory>> open(const ipc_address &address, std::uint32_t access)
    {
        bool populate = ipc::parameter_is_set(address, "populate");
        if (std::optional<HeldFile> held = HeldFile::parse(address.name))
            return ipc::open_held<Memory>(*held, access, populate, place, posix_shm::expect_removed);
        ipc::ShmPath path{PosixName(address.name)};
        Fd file = IPC_TRY(ipc::open_file(path.text(), access, O_NOFOLLOW));
        return std::make_unique<Memory>(std::move(file), access, populate, place);
    }

    Result<void> commit() { return take_name(); }

private:
    static Result<Fd> place_for(const ipc_address &address)
    {
        if (HeldFile::parse(address.name))
            return Error::of(EINVAL, "that is the form of a removed segment (give a new one a name like /name)");
        const PosixName name(address.name);
        Fd directory = IPC_TRY(ipc::open_shm_directory());
        IPC_TRY(ipc::expect_memory(directory.get()));
        struct statx status;
        if (ipc::file_status(directory.get(), name.leaf(), AT_SYMLINK_NOFOLLOW, status) == 0 &&
            ipc::is_no_segment(name.leaf(), status.stx_size))
            return Error::of(EINVAL, "there is a semaphore, a mutex or a ring of that name (choose another one)");
        return directory;
    }
};

Result<void> check(const ipc_address &address)
{
    if (!HeldFile::parse(address.name))
        IPC_TRY(PosixName::check(address.name));
    return ipc::check_switch(address, "populate");
}

Result<void> remove(const ipc_address &address, const ipc::Removal &removal)
{
    if (HeldFile::parse(address.name))
        return Error::of(EIDRM, "it has no name to remove, and is gone when its last holder lets go (end its holders)");
    PosixName name(address.name);
    Fd directory = IPC_TRY(ipc::open_shm_directory());
    IPC_TRY(ipc::leave_to_its_mechanism(directory.get(), name.leaf(), removal));
    return ipc::remove_file(directory.get(), name.leaf(), removal);
}

constexpr ipc_segment_v1 segment = ipc::segment_table<Memory>();

const void *capability(const char *name)
{
    std::string_view wanted = name;
    if (wanted == IPC_SEGMENT_1)
        return &segment;
    return wanted == IPC_INSPECT_1 ? &posix_shm::inspect : nullptr;
}

constexpr ipc_parameter_info parameters[] = {
    {"populate", nullptr, "fault all pages in when it is created or mapped, not at the first touch of each"},
};

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "posix-shm",
    .summary = "POSIX shared memory",
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
