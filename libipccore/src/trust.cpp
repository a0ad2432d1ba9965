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
Result<void> check_place(const std::string &path, const struct stat &place)
{
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

/// Check `file`, an absolute path, and every directory above it. False if one of them is a symbolic link.
Result<bool> check_places(const std::string &file)
{
    for (std::string place = file;; place.resize(std::max<std::size_t>(place.rfind('/'), 1))) {
        struct stat status = {};
        if (lstat(place.c_str(), &status) < 0)
            return failure(errno, "{}: {}", printable(place), std::strerror(errno));
        if (S_ISLNK(status.st_mode))
            return false;
        IPC_TRY(check_place(place, status));
        if (place == "/")
            return true;
    }
}

Result<std::string> without_links(const std::string &path)
{
    char *resolved = realpath(path.c_str(), nullptr);
    if (!resolved)
        return failure(errno, "{}", std::strerror(errno));
    std::string file(resolved);
    std::free(resolved);
    return file;
}

/// Does the path lead from the root, in no other steps than down?
bool is_plain(const std::string &path)
{
    return path.starts_with('/') && path.find("/.") == path.npos && path.find("//") == path.npos;
}

} // namespace

Result<std::string> check_trust(const std::string &path)
{
    // Resolving links costs as many system calls as all else here, and most paths have none.
    if (is_plain(path) && IPC_TRY(check_places(path)))
        return path;
    std::string file = IPC_TRY(without_links(path));
    if (!IPC_TRY(check_places(file)))
        return failure(ELOOP, "{} became a symbolic link while it was checked", printable(file));
    return file;
}

bool environment_is_trusted() { return !getauxval(AT_SECURE) && (geteuid() == 0 || effective_capabilities() == 0); }

} // namespace ipc
