// SPDX-License-Identifier: MIT
// What was seen of each object in earlier samples: how many messages waited in it.
//
// Between two samples any number of messages may come and go, so this knows depths and their differences, and nothing
// of rates.
#pragma once

#include "columns.hpp"
#include "snapshot.hpp"

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipc::watch {

/// Which object this is, in every sample alike: what its mechanism identifies it by, else its name.
struct Identity {
    std::string mechanism;
    std::uint64_t space, device, number;
    std::string name; // only where nothing else tells
    auto operator<=>(const Identity &) const = default;
};
Identity identity_of(const Object &object);

/// Messages waiting: a number, unknown for a queue that may not be looked into, absent for what is no queue.
Cell depth_of(const Object &object);

/// The depths of one object, oldest first.
class Past {
public:
    /// More samples than this are forgotten.
    static constexpr std::size_t most = 240;

    void add(const Cell &depth);

    const Cell &depth() const { return depth_; }
    /// Since the sample before; none if either is not known.
    std::optional<std::int64_t> change() const { return change_; }
    /// The known ones.
    const std::deque<std::uint64_t> &depths() const { return depths_; }

private:
    Cell depth_;
    std::optional<std::int64_t> change_;
    std::deque<std::uint64_t> depths_;
};

/// The pasts of all objects of the latest sample. An object that was missing from a sample begins anew.
class Pasts {
public:
    void add(const std::vector<Object> &objects);
    /// Of an object of the latest sample. Valid until the next add().
    const Past &of(const Object &object) const { return pasts_.at(identity_of(object)); }

private:
    std::map<Identity, Past> pasts_;
};

/// The last `width` depths as a row of bars, the highest of them as a full one; a depth of 0 is told from a small one.
/// Blocks if `blocks`, else ASCII.
std::string sparkline(const std::deque<std::uint64_t> &depths, std::size_t width, bool blocks);

} // namespace ipc::watch
