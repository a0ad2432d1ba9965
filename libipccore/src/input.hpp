// SPDX-License-Identifier: MIT
// Where a command reads from.
#pragma once

#include <ipc/fd.hpp>
#include <ipc/result.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace ipc {

/// Open FILE of `-i FILE` for reading; "-" is standard input.
Result<Fd> open_input(const std::string &path);

/// Read all of `fd` into anonymous memory: a descriptor on a file of known size, at offset 0.
Result<Fd> spooled(int fd);

/// Anonymous memory that holds these bytes, at offset 0: an input that needs nobody to write it.
Result<Fd> memory_of(std::span<const std::byte> bytes);

} // namespace ipc
