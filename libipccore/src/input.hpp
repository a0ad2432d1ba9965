// SPDX-License-Identifier: MIT
// Where a command reads from.
#pragma once

#include <ipc/fd.hpp>
#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ipc {

/// Open FILE of `-i FILE` for reading; "-" is standard input.
Result<Fd> open_input(const std::string &path);

/// Read `fd` into anonymous memory, at most `most` bytes of it: a descriptor on a file of known size, at offset 0. What
/// is behind them stays unread. ENOMEM while the machine still has memory for a copy of them.
Result<Fd> spooled(int fd, std::uint64_t most);

/// Anonymous memory that holds these bytes, at offset 0: an input that needs nobody to write it. Where the file size
/// limit does not let memory have so many it is a pipe, whose capacity is the limit then.
Result<Fd> memory_of(std::span<const std::byte> bytes);

} // namespace ipc
