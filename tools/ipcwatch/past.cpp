// SPDX-License-Identifier: MIT
#include "past.hpp"

#include <algorithm>
#include <array>

namespace ipc::watch {

Identity identity_of(const Object &object)
{
    const ipc_identity &identity = object.facts.identity;
    const bool identified = identity.device || identity.number;
    return {object.address.mechanism, identity.space, identity.device, identity.number,
            identified ? std::string() : object.address.name};
}

Cell depth_of(const Object &object)
{
    if (object.facts.messages != IPC_UNKNOWN)
        return object.facts.messages;
    if (object.plugin && object.plugin->queue())
        return Unknown{};
    return Absent{};
}

void Past::add(const Cell &depth)
{
    const auto *now = std::get_if<std::uint64_t>(&depth);
    const auto *before = std::get_if<std::uint64_t>(&depth_);
    change_.reset();
    if (now && before)
        change_ = static_cast<std::int64_t>(*now - *before);
    depth_ = depth;
    if (!now)
        return;
    depths_.push_back(*now);
    if (depths_.size() > most)
        depths_.pop_front();
}

void Pasts::add(const std::vector<Object> &objects)
{
    std::map<Identity, Past> present;
    for (const Object &object : objects) {
        Identity identity = identity_of(object);
        auto known = pasts_.extract(identity);
        Past &past = present[std::move(identity)];
        if (!known.empty())
            past = std::move(known.mapped());
        past.add(depth_of(object));
    }
    pasts_ = std::move(present);
}

std::string sparkline(const std::deque<std::uint64_t> &depths, std::size_t width, bool blocks)
{
    static constexpr std::array<std::string_view, 8> block = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static constexpr std::array<std::string_view, 8> ascii = {"_", ".", ":", "-", "=", "+", "*", "#"};
    const auto &bars = blocks ? block : ascii;
    const auto first = depths.end() - static_cast<std::ptrdiff_t>(std::min(width, depths.size()));
    if (first == depths.end())
        return {};
    const auto highest = static_cast<long double>(std::max<std::uint64_t>(*std::max_element(first, depths.end()), 1));
    std::string out;
    for (auto depth = first; depth != depths.end(); ++depth) {
        const auto level = static_cast<std::size_t>(static_cast<long double>(*depth) / highest * 6);
        out += bars[*depth ? 1 + level : 0];
    }
    return out;
}

} // namespace ipc::watch
