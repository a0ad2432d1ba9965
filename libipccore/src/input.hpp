// SPDX-License-Identifier: MIT
// Where a command reads from.
#pragma once

#include <ipc/fd.hpp>
#include <ipc/result.hpp>

#include <string>

namespace ipc {

/// Open FILE of `-i FILE` for reading; "-" is standard input.
Result<Fd> open_input(const std::string &path);

/// Read all of `fd` into anonymous memory: a descriptor on a file of known size, at offset 0.
Result<Fd> spooled(int fd);

} // namespace ipc
