// SPDX-License-Identifier: MIT
#include "trust.hpp"

#include "capabilities.hpp"
#include "error.hpp"
#include "printable.hpp"

#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace ipc {
namespace {

uid_t owner_of(const char *path)
{
    struct stat place = {};
    return stat(path, &place) == 0 ? place.st_uid : 0;
}

/// Who owns `/` has the say over everything anyhow. In a user namespace it is how the real root appears.
bool is_trusted_owner(uid_t owner)
{
    return owner == 0 || owner == geteuid() || owner == owner_of("/proc/self/exe") || owner == owner_of("/");
}

/// Why one file or directory is not to be trusted; nothing if it is.
Result<void> check_place(const std::string &path)
{
    struct stat place = {};
    if (lstat(path.c_str(), &place) < 0)
        return failure(errno, "{}: {}", printable(path), std::strerror(errno));
    if (!is_trusted_owner(place.st_uid))
        return failure(EPERM, "{} belongs to user {}, whom you need not trust (chown it to root or yourself)",
                       printable(path), place.st_uid);
    const bool is_sticky_directory = S_ISDIR(place.st_mode) && (place.st_mode & S_ISVTX);
    if ((place.st_mode & S_IWOTH) && !is_sticky_directory)
        return failure(EPERM, "{} may be written by everybody (chmod o-w it)", printable(path));
    const bool is_private_group = place.st_gid == 0 || place.st_gid == place.st_uid;
    if ((place.st_mode & S_IWGRP) && !is_private_group && !is_sticky_directory)
        return failure(EPERM, "{} may be written by group {} (chmod g-w it)", printable(path), place.st_gid);
    return {};
}

} // namespace

Result<std::string> check_trust(const std::string &path)
{
    char *resolved = realpath(path.c_str(), nullptr);
    if (!resolved)
        return failure(errno, "{}", std::strerror(errno));
    const std::string file(resolved);
    std::free(resolved);
    for (std::string place = file;; place.resize(std::max<std::size_t>(place.rfind('/'), 1))) {
        IPC_TRY(check_place(place));
        if (place == "/")
            return file;
    }
}

bool environment_is_trusted() { return !getauxval(AT_SECURE) && (geteuid() == 0 || effective_capabilities() == 0); }

} // namespace ipc
