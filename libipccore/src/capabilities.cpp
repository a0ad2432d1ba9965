// SPDX-License-Identifier: MIT
#include "capabilities.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ipc {

std::uint64_t effective_capabilities()
{
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
    if (syscall(SYS_capget, &header, sets) < 0)
        return 0;
    return sets[0].effective | std::uint64_t{sets[1].effective} << 32;
}

} // namespace ipc
