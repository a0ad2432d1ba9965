// SPDX-License-Identifier: MIT
// What one process after the other maps, has open and waits for.
#pragma once

#include "processes.hpp"

#include <ipc/fd.hpp>
#include <ipc/plugin.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct statx;

namespace ipc {

struct MappingQuery;

/// "PID/PART" below /proc, without the cost of snprintf: it is made for each process several times.
class ProcPath {
public:
    void enter(const char *process) { length_ = append(0, process); }
    const char *operator()(const char *part)
    {
        append(append(length_, "/"), part);
        return text_;
    }
    const char *operator()(const char *directory, const char *entry, const char *leaf = "")
    {
        append(append(append(append(append(length_, "/"), directory), "/"), entry), leaf);
        return text_;
    }

private:
    std::size_t append(std::size_t at, const char *part)
    {
        const std::size_t length = std::min(std::strlen(part), sizeof text_ - 1 - at);
        std::memcpy(text_ + at, part, length);
        text_[at + length] = '\0';
        return at + length;
    }
    char text_[96];
    std::size_t length_ = 0;
};

/// Does the running kernel have PROCMAP_QUERY?
bool has_mapping_query();

/// Looks into processes for one thread, and holds the buffers that all of them share.
class ProcessLook {
public:
    /// `pass` outlives this; `proc` is open on /proc; `by_query` only if has_mapping_query().
    ProcessLook(const ProcessPass &pass, int proc, bool by_query, std::function<void(const ipc_sight &)> see)
        : pass_(pass), by_query_(by_query), see_(std::move(see)), proc_(proc)
    {
    }

    /// See what there is of the process of that name below /proc, as go_over_processes() says.
    void visit(const char *name);

    /// Of all visits.
    const ProcessPassResult &result() const { return result_; }

private:
    void count();
    Fd open_part(const char *path, int flags = 0);
    void take_failure(int code);
    void tell();
    bool look_at_what_it_has();
    bool enter_living_thread(const char *process);
    bool look_at_mappings();
    bool query_mappings(int maps);
    bool end_of_query(int code);
    void tell_mapping(const MappingQuery &query);
    bool read_mappings(int maps);
    void tell_line(const char *at, const char *end);
    bool look_at_descriptors();
    void tell_descriptor(int directory, const char *name);
    bool name_target(int directory, const char *name, const struct statx &target);
    void look_at_calls();
    void look_at_call(std::int64_t thread, const char *path);
    bool parse_call(const char *at, const char *end);

    static constexpr std::size_t text_size = 64 * 1024;

    const ProcessPass &pass_;
    const bool by_query_;
    const std::function<void(const ipc_sight &)> see_;
    const int proc_;
    ProcessPassResult result_;
    ProcPath path_;
    ipc_sight sight_ = {};
    bool namespace_known_ = false;
    bool denied_ = false;
    bool failed_ = false;
    bool shares_memory_ = false;
    char name_[PATH_MAX + 16];
    std::unique_ptr<char[]> text_;
};

/// Unescape a name as /proc/PID/maps writes it: `\012` is a newline.
std::string unescaped_mapping_name(std::string_view name);

} // namespace ipc
