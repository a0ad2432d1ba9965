// SPDX-License-Identifier: MIT
#include "structure.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstddef>
#include <ctime>
#include <tuple>
#include <unordered_map>

namespace boost_shm {
namespace {

using ipc::Error;
using ipc::Result;

constexpr std::uint64_t null = 1;
constexpr std::uint64_t colour = 2;
constexpr std::uint64_t extra_bytes = sizeof(Header) - offsetof(Header, lock);
/// What the allocator keeps of a block that it gave out: its own words, but not the first of the block behind it.
constexpr std::uint64_t block_overhead = sizeof(Block) - sizeof(std::uint64_t);

constexpr std::uint64_t rounded(std::uint64_t bytes, std::uint64_t alignment)
{
    return (bytes + alignment - 1) / alignment * alignment;
}

[[gnu::format(printf, 1, 2)]] Error damaged(const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return Error::of(EBADMSG, "its structure is damaged: %s", text);
}

Result<void> copy(int descriptor, std::uint64_t offset, void *into, std::size_t length)
{
    ssize_t count = ::pread(descriptor, into, length, off_t(offset));
    if (count < 0)
        return Error::system("it cannot be read");
    if (std::size_t(count) < length)
        return damaged("it ends at byte %" PRIu64 ", and %" PRIu64 " was to be read", offset + std::uint64_t(count),
                       offset + length);
    return {};
}

/// The file as it was when a page of it was first read. A walk that reads each page once is a few microseconds long,
/// so that a process that works in the segment without pause seldom changes what is being walked.
class Pages {
public:
    explicit Pages(int descriptor) : descriptor_(descriptor) {}

    Result<void> copy(std::uint64_t offset, void *into, std::size_t length)
    {
        auto *out = static_cast<char *>(into);
        while (length > 0) {
            const std::string *page = IPC_TRY(page_of(offset / page_bytes));
            const std::size_t start = offset % page_bytes;
            if (start >= page->size())
                return damaged("it ends at byte %" PRIu64 ", and %" PRIu64 " was to be read",
                               offset / page_bytes * page_bytes + page->size(), offset + length);
            const std::size_t count = std::min(length, page->size() - start);
            out = std::copy_n(page->data() + start, count, out);
            offset += count;
            length -= count;
        }
        return {};
    }

private:
    static constexpr std::size_t page_bytes = 16384;
    static constexpr std::size_t most_pages = 1024;

    Result<const std::string *> page_of(std::uint64_t number)
    {
        if (auto known = pages_.find(number); known != pages_.end())
            return &known->second;
        if (pages_.size() == most_pages)
            pages_.clear();
        std::string page(page_bytes, '\0');
        const ssize_t count = ::pread(descriptor_, page.data(), page.size(), off_t(number * page_bytes));
        if (count < 0)
            return Error::system("it cannot be read");
        page.resize(std::size_t(count));
        return &pages_.emplace(number, std::move(page)).first->second;
    }

    int descriptor_;
    std::unordered_map<std::uint64_t, std::string> pages_;
};

/// A node as it is in the file, with what surrounds it.
struct Node {
    Block block;
    Hook hook;
    ObjectHeader object;
};
static_assert(sizeof(Node) == 56);

/// Where the object of a node keeps its parts.
struct Extent {
    std::uint64_t value, name;
    std::uint64_t character; // bytes of one
};

class Walk {
public:
    Walk(int descriptor, const Header &header, std::vector<Object> &objects)
        : pages_(descriptor), end_(manager_offset + header.bytes), left_(header.bytes), objects_(objects)
    {
    }

    /// All nodes of the index whose header lies at `place`. Every node must point back to the one that led to it, so
    /// none is met twice and the walk ends.
    Result<void> go(std::uint64_t place, const Index &index, bool unique)
    {
        const std::uint64_t top = place + offsetof(Index, root);
        std::uint64_t visited = 0;
        pending_.clear();
        follow(top + offsetof(Hook, parent), index.root.parent, top);
        while (!pending_.empty()) {
            if (++visited > index.count)
                return damaged("the index says %" PRIu64 " %s objects and has more", index.count, kind(unique));
            const auto [at, parent] = pending_.back();
            pending_.pop_back();
            IPC_TRY(visit(at, parent, unique));
        }
        if (visited != index.count)
            return damaged("the index says %" PRIu64 " %s objects and has %" PRIu64, index.count, kind(unique),
                           visited);
        return {};
    }

private:
    struct Step {
        std::uint64_t at, parent;
    };

    static const char *kind(bool unique) { return unique ? "unique" : "named"; }

    void follow(std::uint64_t place, std::uint64_t distance, std::uint64_t parent)
    {
        if (distance != null)
            pending_.push_back({place + distance, parent}); // wraps if it is nonsense; visit() compares it
    }

    Result<void> visit(std::uint64_t at, std::uint64_t parent, bool unique)
    {
        if (at < first_block + sizeof(Block) || at % unit || at > end_ || end_ - at < sizeof(Node) - sizeof(Block))
            return damaged("a node of its index would be at byte %" PRIu64 " of %" PRIu64, at, end_);
        Node node;
        IPC_TRY(pages_.copy(at - sizeof(Block), &node, sizeof node));
        if (std::uint64_t back = at + (node.hook.parent & ~colour); back != parent)
            return damaged("the node at byte %" PRIu64 " has its parent at %" PRIu64 " and was reached from %" PRIu64,
                           at, back, parent);
        follow(at + offsetof(Hook, right), node.hook.right, at);
        follow(at + offsetof(Hook, left), node.hook.left, at);
        return take(at, node, unique);
    }

    Result<void> take(std::uint64_t at, const Node &node, bool unique)
    {
        const std::uint64_t room = IPC_TRY(room_of(at, node));
        const Extent extent = IPC_TRY(extent_of(at, node, unique, room));
        Object object = {{}, unique, extent.value, node.object.bytes};
        object.name = IPC_TRY(name_at(at, extent, node.object.name_length));
        objects_.push_back(std::move(object));
        return {};
    }

    /// Bytes from the node on that the block gives it. Blocks do not overlap, so together they are no more than all.
    Result<std::uint64_t> room_of(std::uint64_t at, const Node &node)
    {
        constexpr std::uint64_t flags = std::uint64_t(3) << 62, allocated = std::uint64_t(1) << 63;
        const std::uint64_t units = node.block.units & ~flags;
        if (!(node.block.units & allocated))
            return damaged("the object at byte %" PRIu64 " lies in a free block", at);
        if (units < 2 || units > left_ / unit || units > (end_ - at + sizeof(Block)) / unit)
            return damaged("the object at byte %" PRIu64 " lies in a block of %" PRIu64
                           " units, where there is no room",
                           at, units);
        left_ -= units * unit;
        return units * unit - block_overhead;
    }

    Result<Extent> extent_of(std::uint64_t at, const Node &node, bool unique, std::uint64_t room)
    {
        const ObjectHeader &object = node.object;
        const std::uint64_t character = object.type_and_character & 0x1f;
        if (object.type_and_character >> 5 != (unique ? 2 : 1))
            return damaged("the object at byte %" PRIu64 " is of instance type %d in the index of %s ones", at,
                           object.type_and_character >> 5, kind(unique));
        if (character != 1 && character != sizeof(wchar_t))
            return damaged("the name of the object at byte %" PRIu64 " has characters of %" PRIu64 " bytes", at,
                           character);
        if (object.alignment == 0 || object.alignment & (object.alignment - 1))
            return damaged("the object at byte %" PRIu64 " is aligned to %d", at, object.alignment);
        const std::uint64_t start = sizeof(Hook) + rounded(sizeof(ObjectHeader), object.alignment);
        const std::uint64_t name = (object.name_length + 1) * character;
        if (object.bytes > room || start + rounded(object.bytes, character) + name > room)
            return damaged("the object at byte %" PRIu64 " says %" PRIu64 " bytes and a name of %d characters, more "
                           "than the %" PRIu64 " of its block",
                           at, object.bytes, object.name_length, room);
        return Extent{at + start, at + start + rounded(object.bytes, character), character};
    }

    Result<std::string> name_at(std::uint64_t at, const Extent &extent, std::size_t length)
    {
        std::string bytes((length + 1) * extent.character, '\0');
        IPC_TRY(pages_.copy(extent.name, bytes.data(), bytes.size()));
        std::string name = extent.character == 1 ? bytes : utf8(bytes);
        if (name.find('\0') != name.size() - 1)
            return damaged("the name of the object at byte %" PRIu64 " does not end where it should", at);
        name.pop_back();
        return name;
    }

    /// Of wchar_t. What is no character becomes the one for that.
    static std::string utf8(const std::string &bytes)
    {
        std::string text;
        for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint32_t)) {
            std::uint32_t code;
            std::memcpy(&code, bytes.data() + i, sizeof code);
            append(text, code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0xfffd : code);
        }
        return text;
    }

    static void append(std::string &text, std::uint32_t code)
    {
        if (code < 0x80) {
            text += char(code);
            return;
        }
        int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        text += char((0xf00u >> (more + 1) & 0xff) | code >> 6 * more);
        while (more-- > 0)
            text += char(0x80 | (code >> 6 * more & 0x3f));
    }

    Pages pages_;
    std::uint64_t end_;  // behind the managed memory, from the beginning of the file
    std::uint64_t left_; // bytes that no block met so far has
    std::vector<Object> &objects_;
    std::vector<Step> pending_;
};

Result<void> check_state(std::uint32_t state)
{
    switch (state) {
    case initialized:
        return {};
    case uninitialized:
        return Error::of(EINVAL, "it is no managed segment, or none yet: its first word is 0");
    case initializing:
        return Error::of(EINVAL, "it is still being made, or whoever made it ended meanwhile: its first word is 1");
    case corrupted:
        return Error::of(EBADMSG, "whoever made it failed and marked it as corrupted: its first word is 3");
    default:
        return Error::of(EINVAL, "it is no managed segment: its first word is 0x%x instead of 2", state);
    }
}

/// Each object takes a block of at least this.
constexpr std::uint64_t least_object = rounded(sizeof(Node), unit);

Result<void> check_index(const Index &index, const char *kind, std::uint64_t bytes)
{
    if (index.count > bytes / least_object)
        return damaged("its index says %" PRIu64 " %s objects, more than its %" PRIu64 " bytes can hold", index.count,
                       kind, bytes);
    return {};
}

Result<Contents> read_once(int descriptor)
{
    struct stat file;
    if (::fstat(descriptor, &file) != 0)
        return Error::system("its size cannot be read");
    Contents contents = {IPC_TRY(read_header(descriptor, std::uint64_t(file.st_size))), {}};
    IPC_TRY(check_header(contents.header, std::uint64_t(file.st_size)));
    Walk walk(descriptor, contents.header, contents.objects);
    IPC_TRY(walk.go(offsetof(Header, named), contents.header.named, false));
    IPC_TRY(walk.go(offsetof(Header, unique), contents.header.unique, true));
    std::sort(contents.objects.begin(), contents.objects.end(), [](const Object &left, const Object &right) {
        return std::tie(left.is_unique, left.name) < std::tie(right.is_unique, right.name);
    });
    return contents;
}

bool is_in_use(int descriptor)
{
    Header header;
    return copy(descriptor, 0, &header, sizeof header).ok() &&
           (ipc::is_in_use(header.lock) || ipc::is_in_use(header.allocation_lock));
}

} // namespace

Result<Header> read_header(int descriptor, std::uint64_t file_bytes)
{
    Header header = {};
    if (file_bytes < least_bytes)
        return Error::of(EINVAL,
                         "it is no managed segment: it has %" PRIu64 " bytes, fewer than the %" PRIu64 " of an "
                         "empty one",
                         file_bytes, least_bytes);
    IPC_TRY(copy(descriptor, 0, &header, sizeof header));
    return header;
}

bool is_recognized(const Header &header)
{
    return header.extra_bytes == extra_bytes && header.state != uninitialized && header.state <= corrupted;
}

Result<void> check_header(const Header &header, std::uint64_t file_bytes)
{
    IPC_TRY(check_state(header.state));
    if (header.extra_bytes != extra_bytes)
        return Error::of(EINVAL,
                         "it is no managed_shared_memory of 64 bits: behind its allocator are %" PRIu64
                         " bytes of header instead of %" PRIu64,
                         header.extra_bytes, extra_bytes);
    if (file_bytes < least_bytes || header.bytes > file_bytes - manager_offset)
        return damaged("it says %" PRIu64 " bytes and the file has %" PRIu64, header.bytes, file_bytes);
    if (header.bytes < least_bytes - manager_offset)
        return damaged("it says %" PRIu64 " bytes, fewer than an empty one has", header.bytes);
    if (header.allocated > header.bytes + manager_offset - first_block)
        return damaged("it says that %" PRIu64 " of its %" PRIu64 " bytes are allocated", header.allocated,
                       header.bytes);
    IPC_TRY(check_index(header.named, "named", header.bytes));
    return check_index(header.unique, "unique", header.bytes);
}

Result<Contents> read_contents(int descriptor)
{
    // Who works in it without pause leaves a walk few chances; a lock that somebody left behind changes nothing more.
    constexpr std::chrono::seconds patience{1};
    constexpr int enough = 3, enough_while_locked = 20; // of the same complaint
    constexpr timespec pause = {0, 500'000};
    const auto end = std::chrono::steady_clock::now() + patience;
    std::string before;
    for (int repetitions = 0;;) {
        Result<Contents> contents = read_once(descriptor);
        if (contents || contents.error().code() != EBADMSG)
            return contents;
        repetitions = before == contents.error().text() ? repetitions + 1 : 0;
        const bool is_locked = repetitions && is_in_use(descriptor);
        if (repetitions >= (is_locked ? enough_while_locked : enough) || std::chrono::steady_clock::now() >= end)
            return contents;
        before = contents.error().text();
        if (is_locked)
            ::nanosleep(&pause, nullptr);
    }
}

std::string lock_state(const Header &header)
{
    std::string state = ipc::state_of(header.lock);
    return state.empty() ? ipc::state_of(header.allocation_lock) : state;
}

} // namespace boost_shm
