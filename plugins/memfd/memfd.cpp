// SPDX-License-Identifier: MIT
// memfd: anonymous memory of memfd_create(2).
#include "anonymous.hpp"

namespace {

const void *capability(const char *name)
{
    std::string_view wanted = name;
    if (wanted == IPC_SEGMENT_1)
        return &anonymous::segment;
    return wanted == IPC_INSPECT_1 ? &anonymous::inspect : nullptr;
}

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "memfd",
    .summary = "anonymous memory",
    .version = "1.0",
    .parameters = anonymous::parameters,
    .parameter_count = std::size(anonymous::parameters),
    .flags = 0,
    .init = ipc::keep_host,
    .capability = capability,
    .check = ipc::guard<anonymous::check>,
    .remove = nullptr,
    .remove_unused = nullptr,
};

} // namespace

IPC_PLUGIN(plugin)
