// SPDX-License-Identifier: MIT
#include "trust.hpp"

#include "capabilities.hpp"
#include "error.hpp"
#include "printable.hpp"

#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>

namespace ipc {
namespace {

uid_t owner_of(const char *path)
{
    struct stat place = {};
    return stat(path, &place) == 0 ? place.st_uid : 0;
}

/// Who owns `/` has the say over everything anyhow. In a user namespace it is how the real root appears. Who calls a
/// command that has more rights than he himself has none over it.
bool is_trusted_owner(uid_t owner)
{
    return owner == 0 || (owner == geteuid() && environment_is_trusted()) || owner == owner_of("/proc/self/exe") ||
           owner == owner_of("/");
}

/// With an access control list the group's permissions are those of others too.
bool has_access_list(const std::string &path)
{
    return getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

/// Why one file or directory is not to be trusted; nothing if it is.
Result<void> check_place(const std::string &path, const struct stat &place)
{
    if (!is_trusted_owner(place.st_uid))
        return failure(EPERM, "{} belongs to user {}, whom you need not trust (chown it to root{})", printable(path),
                       place.st_uid, environment_is_trusted() ? " or yourself" : "");
    const bool is_sticky_directory = S_ISDIR(place.st_mode) && (place.st_mode & S_ISVTX);
    if ((place.st_mode & S_IWOTH) && !is_sticky_directory)
        return failure(EPERM, "{} may be written by everybody (chmod o-w it)", printable(path));
    const bool is_private_group = place.st_gid == 0 || place.st_gid == place.st_uid;
    if ((place.st_mode & S_IWGRP) && !is_private_group && !is_sticky_directory)
        return failure(EPERM, "{} may be written by group {} (chmod g-w it)", printable(path), place.st_gid);
    if ((place.st_mode & S_IWGRP) && !is_sticky_directory && has_access_list(path))
        return failure(EPERM, "{} may be written by those in its access control list (setfacl -b it)", printable(path));
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

/// The same place without symbolic links, of which every one and what it lies in is checked as well.
Result<std::string> resolved(const std::string &path, unsigned links = 0)
{
    constexpr unsigned most_links = 40; // as the kernel has it
    if (links > most_links)
        return failure(ELOOP, "{}: {}", printable(path), std::strerror(ELOOP));
    const std::size_t slash = path.find_last_of('/');
    const std::string leaf = path.substr(slash + 1);
    std::string place = IPC_TRY(slash ? resolved(path.substr(0, slash), links) : Result<std::string>("/"));
    if (leaf.empty() || leaf == ".")
        return place;
    if (leaf == "..")
        return place.substr(0, std::max<std::size_t>(place.rfind('/'), 1));
    place.append(place == "/" ? "" : "/").append(leaf);
    struct stat status = {};
    if (lstat(place.c_str(), &status) < 0)
        return failure(errno, "{}: {}", printable(place), std::strerror(errno));
    if (!S_ISLNK(status.st_mode)) {
        IPC_TRY(check_place(place, status));
        return place;
    }
    status.st_mode &= ~mode_t{S_IWGRP | S_IWOTH}; // which a link's mode does not mean
    IPC_TRY(check_place(place, status));
    std::string target(PATH_MAX, '\0');
    const ssize_t length = readlink(place.c_str(), target.data(), target.size());
    if (length < 0)
        return failure(errno, "{}: {}", printable(place), std::strerror(errno));
    target.resize(std::size_t(length));
    return resolved(target.starts_with('/') ? target : place.substr(0, place.rfind('/') + 1) + target, links + 1);
}

/// Does the path lead from the root, in no other steps than down?
bool is_plain(const std::string &path)
{
    return path.starts_with('/') && path.find("/.") == path.npos && path.find("//") == path.npos;
}

} // namespace

Result<std::string> check_trust(const std::string &path)
{
    // Going from link to link costs more system calls than all else here, and most paths have none.
    if (is_plain(path) && IPC_TRY(check_places(path)))
        return path;
    struct stat root = {};
    if (stat("/", &root) < 0)
        return Error::system("/");
    IPC_TRY(check_place("/", root));
    if (path.starts_with('/'))
        return resolved(path);
    const std::unique_ptr<char, decltype(&std::free)> here(getcwd(nullptr, 0), &std::free);
    if (!here)
        return Error::system("the working directory cannot be told");
    return resolved(fmt::format("{}/{}", here.get(), path));
}

bool environment_is_trusted() { return !getauxval(AT_SECURE) && (geteuid() == 0 || effective_capabilities() == 0); }

} // namespace ipc
