// SPDX-License-Identifier: MIT
#include "error.hpp"

#include "interruption.hpp"

namespace ipc {

Error located(std::string_view where, const Error &error)
{
    constexpr std::size_t half = 80;
    if (where.size() > 2 * half)
        return failure(error.code(), "{}...{}: {}", where.substr(0, half), where.substr(where.size() - half),
                       error.text());
    return failure(error.code(), "{}: {}", where, error.text());
}

int exit_status(const Error &error)
{
    if (error.code() >= code_for(0))
        return error.code() - code_for(0);
    if (error.code() == EINTR && interrupted())
        return 128 + interrupted();
    return error.code() == EAGAIN || error.code() == ETIMEDOUT || error.code() == ENODATA ? status::empty
                                                                                          : status::failed;
}

} // namespace ipc
