// SPDX-License-Identifier: MIT
// What the two plugins of this folder share: segments of memfd_create(2), which have no name that anybody could look
// up, and are reached by a process that holds them. memfd.cpp and ashmem.cpp offer them.
#pragma once

#include <ipc/held_file.hpp>
#include <ipc/inspect.hpp>

namespace anonymous {

/// How the user knows where such memory is.
inline constexpr const char *place = "memory";
/// What memfd_create(2) takes.
inline constexpr std::size_t longest_name = 249;

/// What the kernel puts before the names of memfds, which may be anything behind it.
inline constexpr std::string_view path_prefix = "/memfd:";

/// Does the kernel keep memfds on this device? Learned from memfds of one's own, once.
bool is_device(std::uint64_t device);

/// Neither is enough alone: System V segments are on the same device, and the prefix is a file name like others.
inline bool is_memfd(std::string_view path, std::uint64_t device)
{
    return path.starts_with(path_prefix) && is_device(device);
}

/// Is what a process holds a memfd? The error says what it is instead.
ipc::Result<void> expect_memfd(const ipc::HeldFacts &facts);

/// Nobody finds such memory by the name that it was given.
ipc::Error no_such_name();

/// Put the name behind `prefix` in such a path, and what `seals` forbid, into words.
void write_detail(char (&text)[PATH_MAX], std::string_view path, std::string_view prefix, int seals);

/// For an ipc_plugin.
inline constexpr ipc_parameter_info parameters[] = {
    {"seal", "LIST", "forbid what LIST names once it is filled: write, future_write, grow, shrink, seal, exec"},
    {"huge", "SIZE", "create it of huge pages of this size, 2M or 1G"},
    {"populate", nullptr, "fault all pages in when it is created or mapped, not at the first touch of each"},
};
ipc::Result<void> check(const ipc_address &address);
extern const ipc_segment_v1 segment;
/// Lists what some process holds, each once.
extern const ipc_inspect_v1 inspect;
/// The same for what is named alone, for where others list it.
extern const ipc_inspect_v1 inspect_named;

} // namespace anonymous
