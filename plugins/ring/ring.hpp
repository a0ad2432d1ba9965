// SPDX-License-Identifier: MIT
// What the two halves of this plugin share.
#pragma once

#include <ipc/inspect.hpp>
#include <ipc/ring.hpp>

namespace ring_plugin {

/// A ring that a process has open and that may have no name any more, as its descriptor: "PID/FD".
class HeldRing {
public:
    /// Nothing if that is no such name.
    static std::optional<HeldRing> parse(std::string_view name);
    HeldRing(std::int64_t process, std::int64_t descriptor) : process_(process), descriptor_(descriptor) {}

    struct Text {
        char text[64];
    };
    Text name() const;
    Text path() const; ///< of the link in /proc that leads to it
    /// A descriptor that keeps it in being and can do nothing else, for ipc::Ring::adopt().
    ipc::Result<ipc::Fd> hold() const;

private:
    std::int64_t process_, descriptor_;
};

// ---- inspect.cpp ----

extern const ipc_inspect_v1 inspect;

} // namespace ring_plugin
