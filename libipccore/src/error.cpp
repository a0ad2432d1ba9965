// SPDX-License-Identifier: MIT
#include "error.hpp"

#include "interruption.hpp"

#include <sys/resource.h>

#include <cstring>

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

std::string write_failure(int code)
{
    rlimit limit = {};
    if (code != EFBIG || getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return std::strerror(code);
    return fmt::format("the file size limit is {} bytes (raise it: ulimit -f)", limit.rlim_cur);
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
