// SPDX-License-Identifier: MIT
// ipc/posix_name.hpp - names of POSIX shared memory, queues and semaphores: "/name".
#pragma once

#include <ipc/result.hpp>

#include <climits>
#include <string_view>

namespace ipc {

/// A name with its one leading slash. Written without it, it is added.
class PosixName {
public:
    /// For a plugin's check(): refuse what cannot be such a name.
    static Result<void> check(std::string_view name)
    {
        std::string_view leaf = without_slash(name);
        if (leaf.empty())
            return Error::of(EINVAL, "a name is missing (write one like /name)");
        if (leaf.find('/') != leaf.npos)
            return Error::of(EINVAL, "the name has more than one slash (write one like /name)");
        if (leaf == "." || leaf == "..")
            return Error::of(EINVAL, "that is a directory and no name (write one like /name)");
        if (leaf.size() > NAME_MAX)
            return Error::of(EINVAL, "the name has %zu bytes behind its slash (at most %d are allowed)", leaf.size(),
                             NAME_MAX);
        return {};
    }

    /// `name` has passed check(); what is too long all the same is cut.
    explicit PosixName(std::string_view name)
    {
        std::string_view leaf = without_slash(name).substr(0, NAME_MAX);
        text_[0] = '/';
        leaf.copy(text_ + 1, leaf.size());
        text_[leaf.size() + 1] = '\0';
    }

    /// "/name", as the functions of the C library and the listers want it.
    const char *text() const { return text_; }
    /// "name", the entry in the directory where such objects live.
    const char *leaf() const { return text_ + 1; }

private:
    static std::string_view without_slash(std::string_view name) { return name.substr(name.starts_with('/') ? 1 : 0); }

    char text_[NAME_MAX + 2];
};

} // namespace ipc
