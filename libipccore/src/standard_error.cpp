// SPDX-License-Identifier: MIT
#include "standard_error.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace ipc {

void write_to_stderr(std::string_view text)
{
    while (!text.empty()) {
        const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
        if (count < 0 && errno != EINTR)
            return;
        text.remove_prefix(count < 0 ? 0 : std::size_t(count));
    }
}

} // namespace ipc
