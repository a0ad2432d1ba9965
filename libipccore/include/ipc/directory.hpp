// SPDX-License-Identifier: MIT
// ipc/directory.hpp - a directory gone over without losing what goes wrong on the way.
#pragma once

#include <ipc/result.hpp>

#include <dirent.h>

#include <memory>

namespace ipc {

struct CloseDirectory {
    void operator()(DIR *directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

/// Call `take(entry)` for each entry until it is false; it gives a bool or a Result<bool>. An error of one does not
/// keep the others from being taken, and the first is the result, in front of it the entry's name. ENOENT is none: what
/// has vanished since it was read is not there. `path` names the directory for the user.
template <typename Take> Result<void> each_entry(DIR *directory, const char *path, Take &&take)
{
    Result<void> first;
    for (;;) {
        errno = 0;
        const dirent *entry = ::readdir(directory);
        if (!entry && errno && first)
            first = Error::system(path);
        if (!entry)
            return first;
        const Result<bool> more = take(*entry);
        if (more && !more.value())
            return first;
        if (!more && more.error().code() != ENOENT && first)
            first = Error::of(more.error().code(), "%s: %s", entry->d_name, more.error().text());
    }
}

} // namespace ipc
