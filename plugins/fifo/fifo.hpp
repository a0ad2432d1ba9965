// SPDX-License-Identifier: MIT
// What the parts of this plugin share.
#pragma once

#include <ipc/file_object.hpp>
#include <ipc/held_file.hpp>
#include <ipc/inspect.hpp>

namespace fifo {

using ipc::Emit;
using ipc::Error;
using ipc::Fd;
using ipc::Result;

extern const ipc_inspect_v1 inspect;

/// Links are not followed, but for those in /proc, which reach a FIFO without a name.
inline int link_flag(const char *path, int flag) { return ipc::HeldFile::parse_path(path) ? 0 : flag; }

/// An error that says what is there, unless it is a FIFO.
inline Result<void> expect_fifo(unsigned mode)
{
    if (S_ISFIFO(mode))
        return {};
    return Error::of(S_ISLNK(mode) ? ELOOP : EINVAL, "there is %s of that name and no FIFO (choose another name)",
                     ipc::kind_of(mode));
}

} // namespace fifo
