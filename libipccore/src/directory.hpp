// SPDX-License-Identifier: MIT
// The entries of a directory, for the many of /proc: without the cost of readdir(3).
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>

namespace ipc {

/// Call `take` with the name of each entry of the directory open on `directory`, `.` and `..` aside. 0, or the errno
/// value of what kept it from being read to its end.
template <typename Take> int for_each_entry(int directory, Take &&take)
{
    alignas(dirent64) char buffer[32 * 1024];
    ssize_t length;
    while ((length = getdents64(directory, buffer, sizeof buffer)) > 0) {
        for (ssize_t at = 0; at < length;) {
            const auto *entry = reinterpret_cast<const dirent64 *>(buffer + at);
            at += entry->d_reclen;
            if (entry->d_name[0] != '.')
                take(entry->d_name);
        }
        // proc(5) fills the buffer as long as there is more.
        if (static_cast<std::size_t>(length) < sizeof buffer - sizeof(dirent64))
            return 0;
    }
    return length < 0 ? errno : 0;
}

} // namespace ipc
