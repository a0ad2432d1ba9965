// SPDX-License-Identifier: MIT
#include "error.hpp"

#include "interruption.hpp"

namespace ipc {

std::string shortened(std::string_view name)
{
    constexpr std::size_t half = 80;
    if (name.size() <= 2 * half)
        return std::string(name);
    return fmt::format("{}...{}", name.substr(0, half), name.substr(name.size() - half));
}

Error located(std::string_view where, const Error &error)
{
    return failure(error.code(), "{}: {}", shortened(where), error.text());
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
