// SPDX-License-Identifier: MIT
#include "sights.hpp"

#include <cstring>

namespace ipc {

void Sights::add(const ipc_sight &sight)
{
    sights_.push_back({sight, paths_.size()});
    sights_.back().raw.path = nullptr;
    paths_.append(sight.path, std::strlen(sight.path) + 1);
}

void Sights::tell(const std::function<void(const ipc_sight &)> &see) const
{
    for (const Sight &sight : sights_) {
        ipc_sight raw = sight.raw;
        raw.path = paths_.data() + sight.path;
        see(raw);
    }
}

} // namespace ipc
