// SPDX-License-Identifier: MIT
// Whether a shared object is all there, which the loader does not ask.
#pragma once

#include <ipc/result.hpp>

#include <string>

namespace ipc {

/// Does the file reach to the end of all that would be loaded of it? The loader maps a file that was cut off, as by a
/// disk that was full, and then dies of SIGBUS. What is no ELF file at all is left to it to explain. elf(5).
Result<void> check_library_file(const std::string &path);

} // namespace ipc
