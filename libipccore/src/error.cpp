// SPDX-License-Identifier: MIT
#include "error.hpp"

#include "interruption.hpp"

#include <string>

namespace ipc
{

Error located(std::string_view where, const Error &error)
{
    constexpr std::size_t longest = 160;
    std::string place(where);
    if (place.size() > longest)
        place.replace(longest / 2, place.size() - longest + 3, "...");
    return failure(error.code(), "{}: {}", place, error.text());
}

int exit_status(const Error &error)
{
    if (error.code() == usage_code)
        return status::usage;
    if (error.code() == EINTR && interrupted())
        return 128 + interrupted();
    return error.code() == EAGAIN || error.code() == ETIMEDOUT ? status::empty : status::failed;
}

} // namespace ipc
