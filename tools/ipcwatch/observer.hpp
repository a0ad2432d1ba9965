// SPDX-License-Identifier: MIT
// Takes samples one after the other, and spares the machine.
//
// Going over all descriptors and blocked calls costs three quarters of a sample (500 processes: 31 of 42 ms), and what
// it finds changes seldom. So it is done when the objects have changed since it was done last, every fifth time, and
// after ten seconds; in between, holders that were found by a descriptor or a blocked call are kept for as long as they
// live. Mappings are looked at every time.
#pragma once

#include "snapshot.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ipc::watch {

class Observer {
public:
    using Look = std::function<Snapshot(const SnapshotRequest &)>;

    /// `look` is take_snapshot() on the plugins found.
    Observer(Look look, std::vector<std::string> patterns);

    Snapshot take();

private:
    bool must_look_everywhere();
    bool have_changed(const std::vector<Object> &objects);
    void remember(const Snapshot &snapshot);
    void recall(Snapshot &snapshot) const;

    Look look_;
    SnapshotRequest request_;
    std::vector<Object> latest_; // without holders, to see changes
    std::vector<Object> kept_;   // with those holders that only the whole pass finds
    std::vector<std::string> notices_;
    bool hid_ = false;        // the whole pass could not look into every process
    std::uint64_t since_ = 0; // samples since the whole pass; 0: there was none
    std::chrono::steady_clock::time_point whole_pass_;
};

} // namespace ipc::watch
