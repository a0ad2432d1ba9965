// SPDX-License-Identifier: MIT
// toy-memory: segments as no mechanism of the tree has them: toy-memory:far can be read and not mapped, toy-memory:odd
// begins at an odd address. A new one is far, and says what is in it when it is committed. None can be looked at.
#include <ipc/segment.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace ipc;

alignas(8) char bytes[] = "\x2a\0\0\0\0\0\0\0 and more";

struct Memory {
    bool far;

    static Result<std::unique_ptr<Memory>> create(const ipc_address &, std::uint64_t length, const ipc_ownership &)
    {
        if (length >= sizeof bytes)
            return Error::of(ENOSPC, "a toy is small");
        return std::unique_ptr<Memory>(new Memory{true});
    }
    static Result<std::unique_ptr<Memory>> open(const ipc_address &address, std::uint32_t)
    {
        return std::unique_ptr<Memory>(new Memory{std::string_view(address.name) == "far"});
    }
    Result<void> status(ipc_segment_status &status)
    {
        status.descriptor = -1;
        status.bytes = sizeof bytes - 1;
        status.page_size = 4096;
        return {};
    }
    Result<void> map(ipc_mapping &mapping)
    {
        if (far)
            return Error::of(ENOTSUP, "mapping it takes the right to reach far");
        mapping.address = bytes + 1;
        mapping.length = sizeof bytes - 2;
        return {};
    }
    Result<std::uint64_t> read(std::uint64_t offset, void *into, std::uint64_t length)
    {
        length = std::min<std::uint64_t>(length, sizeof bytes - 1 - offset);
        std::memcpy(into, bytes + offset, length);
        return length;
    }
    Result<std::uint64_t> write(std::uint64_t offset, const void *from, std::uint64_t length)
    {
        length = std::min<std::uint64_t>(length, sizeof bytes - 1 - offset);
        std::memcpy(bytes + offset, from, length);
        return length;
    }
    Result<void> commit()
    {
        host->notice(("it holds " + std::string(bytes, 5)).c_str());
        return {};
    }
};

constexpr ipc_segment_v1 segment = segment_table<Memory>();

const void *capability(const char *name) { return std::string_view(name) == IPC_SEGMENT_1 ? &segment : nullptr; }

Result<void> check(const ipc_address &) { return {}; }

Result<void> remove(const ipc_address &address, const ipc_identity *)
{
    host->notice(("removed " + std::string(address.name)).c_str());
    return {};
}

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "toy-memory",
    .summary = "memory as a toy",
    .version = "1.0",
    .parameters = nullptr,
    .parameter_count = 0,
    .flags = 0,
    .init = keep_host,
    .capability = capability,
    .check = guard<check>,
    .remove = guard<remove>,
    .remove_unused = nullptr,
};

} // namespace

IPC_PLUGIN(plugin)
