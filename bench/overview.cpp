// SPDX-License-Identifier: MIT
// Time parts of the overview inside one process, by processor time, against reading the same from text, and print
// "MEDIAN MIN MAX".
//
//     overview [--rounds N] [--times] list MECHANISM FILE ROWS      its plugin lists, against reading FILE
//     overview [--rounds N] [--times] snapshot MECHANISM FILE ROWS  the same through a snapshot without holders
//     overview [--rounds N] [--times] holders OBJECT COUNT          PROCMAP_QUERY, against parsing maps
//
// Both sides must find the same: at least ROWS objects, or exactly COUNT processes that have OBJECT mapped.
#include "process_look.hpp"
#include "refuse.hpp"
#include "rounds.hpp"
#include "snapshot.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace {

struct Options {
    long rounds = 7;
    bool times = false;
};

template <typename A, typename B> void compare(const Options &options, A &&a, B &&b)
{
    a();
    b();
    Rounds rounds;
    for (long i = 0; i < options.rounds; i++) {
        double first = processor_seconds_of(a);
        rounds.add(first, processor_seconds_of(b));
    }
    if (options.times)
        rounds.explain();
    rounds.print(false);
}

void expect(long got, long wanted, const char *what)
{
    if (got != wanted)
        refuse("%s gave %ld where %ld were expected: nothing was measured", what, got, wanted);
}

/// The columns of a row of /proc/sysvipc, as numbers: what a reader of the text must do to know as much.
const char *read_columns(const char *at, const char *end, long long (&columns)[16])
{
    int column = 0;
    while (at < end && *at != '\n') {
        while (*at == ' ')
            at++;
        bool negative = *at == '-';
        long long value = 0;
        for (at += negative; *at >= '0' && *at <= '9'; at++)
            value = value * 10 + (*at - '0');
        columns[column++ % 16] = negative ? -value : value;
    }
    return at + 1;
}

/// Rows of such a file behind its heading, by 64 KiB reads.
long read_rows(const char *file)
{
    int fd = must(file, open(file, O_RDONLY | O_CLOEXEC));
    static char buffer[64 * 1024 + 512];
    std::size_t kept = 0;
    long rows = -1;
    long long columns[16];
    [[maybe_unused]] volatile long long seen;
    for (ssize_t got; (got = must(file, read(fd, buffer + kept, 64 * 1024 - kept))) > 0;) {
        const char *at = buffer, *end = buffer + kept + got;
        for (const void *stop; (stop = memchr(at, '\n', static_cast<std::size_t>(end - at))); rows++) {
            if (rows < 0)
                at = static_cast<const char *>(stop) + 1;
            else
                at = read_columns(at, end, columns);
            seen = columns[1];
        }
        kept = static_cast<std::size_t>(end - at);
        std::memmove(buffer, at, kept);
    }
    close(fd);
    return rows;
}

std::vector<ipc::FoundPlugin> only(std::string_view mechanism)
{
    std::vector<ipc::FoundPlugin> plugins = ipc::find_plugins();
    std::erase_if(plugins,
                  [&](const ipc::FoundPlugin &found) { return !found.plugin || found.mechanism != mechanism; });
    if (plugins.empty())
        refuse("there is no usable plugin for %.*s", static_cast<int>(mechanism.size()), mechanism.data());
    return plugins;
}

long listed(const ipc::Plugin &plugin)
{
    long count = 0;
    auto emit = [](void *context, const ipc_object *) {
        ++*static_cast<long *>(context);
        return 0;
    };
    ipc::Result<void> done = ipc::call(plugin.inspect()->list, static_cast<ipc_emit_object>(emit), &count);
    if (!done)
        refuse("%s", done.error().text());
    return count;
}

void compare_listing(const Options &options, const char *mechanism, const char *file, long rows)
{
    std::vector<ipc::FoundPlugin> plugins = only(mechanism);
    compare(
        options, [&] { expect(listed(*plugins[0].plugin), rows, mechanism); },
        [&] { expect(read_rows(file), rows, file); });
}

void compare_snapshot(const Options &options, const char *mechanism, const char *file, long rows)
{
    std::vector<ipc::FoundPlugin> plugins = only(mechanism);
    ipc::SnapshotRequest request;
    request.holders = false;
    auto take = [&] {
        expect(static_cast<long>(ipc::take_snapshot(plugins, request).objects.size()), rows, mechanism);
    };
    compare(options, take, [&] { expect(read_rows(file), rows, file); });
}

long holders(ipc::MappingSource source, const struct stat &object)
{
    long count = 0;
    ipc::ProcessPass pass;
    pass.mappings = source;
    pass.wanted = IPC_CLAIMS_MAPPINGS;
    auto done = ipc::go_over_processes(
        pass, [&](const ipc_sight &sight) { count += sight.device == object.st_dev && sight.inode == object.st_ino; });
    if (!done)
        refuse("%s", done.error().text());
    return count;
}

void compare_holders(const Options &options, const char *path, long count)
{
    if (!ipc::has_mapping_query())
        refuse("this kernel has no PROCMAP_QUERY (Linux 6.11 has)");
    struct stat object;
    must(path, stat(path, &object));
    compare(
        options, [&] { expect(holders(ipc::MappingSource::query, object), count, "PROCMAP_QUERY"); },
        [&] { expect(holders(ipc::MappingSource::text, object), count, "maps"); });
}

} // namespace

int main(int, char **word)
{
    Options options;
    for (word++; *word && **word == '-'; word++) {
        if (std::string_view(*word) == "--times")
            options.times = true;
        else if (std::string_view(*word) == "--rounds" && word[1])
            options.rounds = number(*++word);
        else
            refuse("unknown option %s", *word);
    }
    std::vector<const char *> words;
    while (*word)
        words.push_back(*word++);
    std::string_view verb = words.empty() ? "" : words[0];
    if (verb == "list" && words.size() == 4)
        compare_listing(options, words[1], words[2], number(words[3]));
    else if (verb == "snapshot" && words.size() == 4)
        compare_snapshot(options, words[1], words[2], number(words[3]));
    else if (verb == "holders" && words.size() == 3)
        compare_holders(options, words[1], number(words[2]));
    else
        refuse("usage: overview [--rounds N] [--times] list|snapshot MECHANISM FILE ROWS | holders OBJECT COUNT");
    return 0;
}
