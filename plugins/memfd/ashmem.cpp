// SPDX-License-Identifier: MIT
// ashmem: Android's anonymous shared memory. Where the kernel has no /dev/ashmem its successor serves, as it does on
// Android by now, and what is made here is a memfd. It is listed as that, and found here by who asks for it.
#include "anonymous.hpp"
#include "device.hpp"

namespace {

const void *capability(const char *name)
{
    std::string_view wanted = name;
    if (wanted == IPC_SEGMENT_1)
        return device::exists() ? &device::segment : &anonymous::segment;
    if (wanted == IPC_INSPECT_1)
        return device::exists() ? &device::inspect : &anonymous::inspect_named;
    return nullptr;
}

ipc::Result<void> check(const ipc_address &address)
{
    return device::exists() ? device::check(address) : anonymous::check(address);
}

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "ashmem",
    .summary = "Android's anonymous memory, or its successor",
    .version = "1.0",
    .parameters = anonymous::parameters,
    .parameter_count = std::size(anonymous::parameters),
    .flags = 0,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<check>,
    .remove = nullptr,
    .remove_unused = nullptr,
};

} // namespace

IPC_PLUGIN(plugin)
