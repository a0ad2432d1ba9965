// SPDX-License-Identifier: MIT
#include "proc_view.hpp"

#include "capabilities.hpp"
#include "directory.hpp"
#include "thread_status.hpp"

#include <ipc/fd.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace ipc {
namespace {

// PROC_PID_INIT_INO and PROC_USER_INIT_INO of the kernel, part of what it promises to programs.
constexpr ino_t first_process_namespace = 0xEFFFFFFC;
constexpr ino_t first_user_namespace = 0xEFFFFFFD;

ino_t inode_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

/// Nobody's processes are hidden from who may look into all.
bool sees_through_hidepid()
{
    return has_capability(CAP_SYS_PTRACE) && inode_of("/proc/self/ns/user") == first_user_namespace;
}

/// "21 26 0:20 / /proc rw,relatime shared:5 - proc proc rw,hidepid=invisible"
bool shows_all_users(std::string_view line)
{
    const std::size_t kind = line.find(" - ");
    if (kind == line.npos)
        return false;
    line.remove_prefix(kind);
    return line.starts_with(" - proc ") && (line.find("hidepid=") == line.npos || line.find("hidepid=0") != line.npos ||
                                            line.find("hidepid=off") != line.npos);
}

bool is_mounted_for_all()
{
    struct statx status;
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> mounts(std::fopen("/proc/self/mountinfo", "re"),
                                                                  std::fclose);
    if (!mounts || statx(AT_FDCWD, "/proc", 0, STATX_MNT_ID, &status) != 0 || !(status.stx_mask & STATX_MNT_ID))
        return false;
    char *line = nullptr;
    std::size_t room = 0;
    bool found = false;
    while (!found && getline(&line, &room, mounts.get()) > 0)
        found = std::strtoull(line, nullptr, 10) == status.stx_mnt_id && shows_all_users(line);
    std::free(line);
    return found;
}

} // namespace

ProcView look_at_proc()
{
    return {inode_of("/proc/self/ns/pid") != first_process_namespace, !sees_through_hidepid() && !is_mounted_for_all()};
}

std::optional<std::int64_t> find_process_of(std::uint64_t space, std::int64_t process)
{
    const Fd proc(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::optional<std::int64_t> found;
    if (!proc)
        return found;
    for_each_entry(proc.get(), [&](const char *name) {
        const std::int64_t number = std::strtoll(name, nullptr, 10);
        if (!found && number > 0 && inode_of(fmt::format("/proc/{}/ns/pid", number).c_str()) == space &&
            innermost_number(number, number) == process)
            found = number;
    });
    return found;
}

} // namespace ipc
