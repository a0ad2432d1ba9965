// SPDX-License-Identifier: MIT
// What the parts of this plugin share: how an address is cut, the making of a segment, the table of inspect.cpp.
#pragma once

#include <ipc/inspect.hpp>
#include <ipc/posix_name.hpp>

#include <optional>

namespace boost_shm {

/// An address: a segment, or one of the objects inside it, named behind the first '#'.
struct Target {
    ipc::PosixName segment;
    std::optional<std::string_view> object; // of the address's text

    explicit Target(std::string_view name);
};

/// The part of an address that names the segment.
inline std::string_view segment_part(std::string_view name) { return name.substr(0, name.find('#')); }

inline Target::Target(std::string_view name) : segment(segment_part(name))
{
    if (std::size_t mark = name.find('#'); mark != name.npos)
        object = name.substr(mark + 1);
}

/// Make a managed segment of a file of `bytes` zero bytes, which nobody else knows yet: Boost's own code writes into it
/// what managed_shared_memory's constructor would. EINVAL if it is too small for that.
ipc::Result<void> build(int descriptor, std::uint64_t bytes);

extern const ipc_inspect_v1 inspect;

} // namespace boost_shm
