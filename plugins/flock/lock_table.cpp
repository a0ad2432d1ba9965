// SPDX-License-Identifier: MIT
#include "lock_table.hpp"

#include <sys/sysmacros.h>

#include <cstdio>
#include <cstring>
#include <memory>

namespace file_lock {
namespace {

bool parse_kind(const char *text, Kind &kind)
{
    const bool is_flock = std::strcmp(text, "FLOCK") == 0, is_process = std::strcmp(text, "POSIX") == 0;
    kind = is_flock ? Kind::flock : is_process ? Kind::process : Kind::description;
    return is_flock || is_process || std::strcmp(text, "OFDLCK") == 0;
}

} // namespace

std::optional<Entry> parse_entry(const char *line)
{
    const char *at = std::strchr(line, ':');
    if (!at)
        return std::nullopt;
    at += std::strspn(at, ": ");
    Entry entry;
    entry.waits = std::strncmp(at, "->", 2) == 0;
    if (entry.waits)
        at += std::strspn(at, "-> ");
    char kind[16], access[16], end[24];
    long long process;
    unsigned major, minor;
    unsigned long long inode, start;
    if (std::sscanf(at, "%15s %*s %15s %lld %x:%x:%llu %llu %23s", kind, access, &process, &major, &minor, &inode,
                    &start, end) != 8 ||
        !parse_kind(kind, entry.kind))
        return std::nullopt;
    entry.shared = std::strcmp(access, "READ") == 0;
    entry.process = process > 0 ? process : 0;
    entry.device = makedev(major, minor);
    entry.inode = inode;
    if (start != 0 || std::strcmp(end, "EOF") != 0)
        entry.offset = start;
    return entry;
}

std::optional<std::vector<Entry>> read_locks()
{
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> table(std::fopen("/proc/locks", "re"), std::fclose);
    if (!table)
        return std::nullopt;
    std::vector<Entry> entries;
    std::uint64_t offset = IPC_UNKNOWN;
    char line[256];
    while (std::fgets(line, sizeof line, table.get())) {
        std::optional<Entry> entry = parse_entry(line);
        if (!entry)
            continue;
        if (entry->waits)
            entry->offset = offset;
        offset = entry->offset;
        entries.push_back(*entry);
    }
    if (std::ferror(table.get()))
        return std::nullopt;
    return entries;
}

LockState lock_state(std::uint64_t device, std::uint64_t inode, Kind kind)
{
    LockState state;
    const std::optional<std::vector<Entry>> entries = read_locks();
    state.known = entries.has_value();
    if (!entries)
        return state;
    for (const Entry &entry : *entries) {
        if (entry.kind != kind || entry.inode != inode || entry.device != device)
            continue;
        (entry.waits ? state.waiters : state.locked)++;
        if (!entry.waits && !state.holder)
            state.holder = entry.process;
    }
    return state;
}

} // namespace file_lock
