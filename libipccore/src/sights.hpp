// SPDX-License-Identifier: MIT
// What was seen of a process, kept until it is told.
#pragma once

#include <ipc/plugin.h>

#include <functional>
#include <string>
#include <vector>

namespace ipc {

class Sights {
public:
    /// Copies what the sight's pointers lead to.
    void add(const ipc_sight &sight);

    /// Call `see` for each, in order. Their pointers are valid during the call.
    void tell(const std::function<void(const ipc_sight &)> &see) const;

private:
    struct Sight {
        ipc_sight raw; // its path is null
        std::size_t path;
    };
    std::vector<Sight> sights_;
    std::string paths_; // each ends with a NUL
};

} // namespace ipc
