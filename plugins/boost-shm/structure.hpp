// SPDX-License-Identifier: MIT
// What lies in a managed segment of Boost.Interprocess, read without trusting a word of it.
//
// The layout is that of managed_shared_memory in programs of 64 bits: a word that says how far its creation has come;
// the allocator, a red-black tree of free blocks; behind it the segment manager with a lock and two indexes, red-black
// trees of named and of unique objects. Each object is a block of the allocator and begins with its node in the tree.
// Pointers are distances from where they stand. creation.cpp compares these structures with Boost's.
//
// Everything is copied by pread(2) before it is looked at, so that a peer who cuts the file off or scribbles meanwhile
// causes an error and nothing else. No lock is taken.
#pragma once

#include <ipc/result.hpp>
#include <ipc/shared_mutex.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace boost_shm {

using Lock = ipc::SharedMutex;

struct Hook {
    std::uint64_t parent, left, right; // distances; 1 is null, bit 1 of `parent` the node's colour
};

struct Index {
    std::uint64_t count;
    Hook root; // `parent` is the root, the others its outermost nodes
};

inline constexpr std::uint64_t manager_offset = 16;
inline constexpr std::uint64_t unit = 16; // of the allocator; blocks begin and end at multiples

/// Values of Header::state.
enum : std::uint32_t { uninitialized, initializing, initialized, corrupted };

/// The beginning of the file.
struct Header {
    std::uint32_t state;
    std::uint32_t unused[3];
    Lock allocation_lock;
    Index free_blocks;
    std::uint64_t extra_bytes; // of the segment manager behind the allocator
    std::uint64_t allocated;
    std::uint64_t bytes; // from manager_offset on
    Lock lock;
    Index named, unique;
};

/// In front of each block, of which the last word of the one before may be used by that one.
struct Block {
    std::uint64_t previous;
    std::uint64_t units; // and two flags
};

/// Behind the node of an object. Its value follows, aligned, and then its name.
struct ObjectHeader {
    std::uint64_t bytes;
    std::uint16_t name_length; // in characters
    std::uint8_t alignment;
    std::uint8_t type_and_character; // three bits instance type, five bits size of a character
};

struct Object {
    std::string name; // of a unique one its type, as the C++ ABI spells it
    bool is_unique;
    std::uint64_t offset, bytes;
};

struct Contents {
    Header header;
    std::vector<Object> objects;
};

/// First block of the allocator, from the beginning of the file.
inline constexpr std::uint64_t first_block = (sizeof(Header) + unit - 1) / unit * unit;
/// The smallest file that can be one.
inline constexpr std::uint64_t least_bytes = first_block + 64;

/// Bytes that the allocator has not given out. `header` has been checked.
inline std::uint64_t free_bytes(const Header &header)
{
    return header.bytes + manager_offset - first_block - header.allocated;
}

/// All others that are managed, its own structure included.
inline std::uint64_t used_bytes(const Header &header) { return first_block + header.allocated; }

/// The header of a file of `file_bytes` bytes, whatever it says. EINVAL if the file is too short for one.
ipc::Result<Header> read_header(int descriptor, std::uint64_t file_bytes);
/// Does it look like that of a managed segment, perhaps a damaged one?
bool is_recognized(const Header &header);
/// Is it the sound header of a managed segment? EINVAL and EBADMSG say which field is wrong.
ipc::Result<void> check_header(const Header &header, std::uint64_t file_bytes);

/// The header and all objects, the named ones first, by name. What changes while it is read is read again; what is
/// still wrong then is EINVAL or EBADMSG, and the text says which field.
ipc::Result<Contents> read_contents(int descriptor);

/// The state of its locks as a phrase: "held by thread 4711"; empty if they are free.
std::string lock_state(const Header &header);

} // namespace boost_shm
