// SPDX-License-Identifier: MIT
// What stands above the table: how many objects there are, how much of the system's limits they use, and what is
// hidden.
#pragma once

#include "model.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ipc::watch {

/// "14 objects: 9 in use, 3 idle, 1 orphan, 1 removed".
std::string count_objects(const std::vector<const Object *> &objects);

/// A limit of the system and how much of it is used; or, without one, what a mechanism has.
struct Gauge {
    std::string label;  // "sysv-shm segments"
    std::string amount; // "12 of 4096", "3 objects"
    double fraction;    // of the limit; negative: there is none
};

/// One for each limit of which the use is known, and one for each mechanism that has objects and no such limit.
std::vector<Gauge> gauges_of(const Snapshot &snapshot);

/// "3%", "0.4%", "" without a limit.
std::string percent_of(const Gauge &gauge);

/// What the user asked to leave out, "process 1234, filter jobs !idle"; "" for nothing.
std::string restriction_of(const Model &model);

/// Why something may be missing: the snapshot's notices, and patterns that match nothing.
std::vector<std::string> notices_of(const Snapshot &snapshot);

} // namespace ipc::watch
