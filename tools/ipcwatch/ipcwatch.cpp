// SPDX-License-Identifier: MIT
#include "batch.hpp"
#include "color.hpp"
#include "columns.hpp"
#include "command.hpp"
#include "frame.hpp"
#include "model.hpp"
#include "observer.hpp"
#include "screen.hpp"
#include "selection.hpp"
#include "terminal_locale.hpp"

#include <unistd.h>

#include <clocale>

using namespace ipc;

namespace {

struct Options {
    bool batch = false, json = false, readonly = false;
    std::string columns, sort, filter;
    ColorOption color;
    std::optional<std::uint32_t> user;
    std::optional<std::int64_t> process;
    watch::Pace pace;
    std::vector<std::string> patterns;
};

constexpr std::chrono::nanoseconds least_delay = std::chrono::milliseconds(10);

Result<std::chrono::nanoseconds> read_delay(std::string_view text)
{
    const std::chrono::nanoseconds delay = IPC_TRY(parse_seconds(text));
    if (delay < least_delay)
        return usage_error("a delay of {} s is too short (0.01 is the shortest)", text);
    return delay;
}

Result<std::uint64_t> read_count(std::string_view text)
{
    return static_cast<std::uint64_t>(IPC_TRY(parse_integer(text, 1, INT64_MAX)));
}

Result<std::int64_t> read_process(std::string_view text) { return parse_integer(text, 1, INT32_MAX); }

std::vector<std::string> column_names()
{
    std::vector<std::string> names;
    for (const watch::LiveColumn &column : watch::live_columns())
        names.emplace_back(column.name);
    return names;
}

void declare(Command &command, Options &options)
{
    command.describe("Watch segments, queues and the processes that hold them.",
                     "  ipcwatch                          full screen; F1 explains the keys\n"
                     "  ipcwatch -s change '*-mq:*'       which queues fill\n"
                     "  ipcwatch -b -n 1                  one table\n"
                     "  ipcwatch -J -d 0.5 | jq .objects  a line of JSON twice a second\n");
    command.flag("batch,b", options.batch, "print each sample as text");
    command.flag("json,J", options.json, "print each sample as a line of JSON");
    command.option("iterations,n", "N", options.pace.samples, read_count, "end after N samples");
    command.option("delay,d", "SECONDS", options.pace.delay, read_delay, "from one sample to the next; 2 unless given");
    command.option("output,o", "COLUMNS", "the columns: A,B or +A,B for the usual ones and these", Complete::choice,
                   [&](std::string_view columns) -> Result<void> {
                       choose_more_columns(options.columns, columns);
                       return {};
                   });
    command.option("sort,s", "COLUMN", options.sort, "sort by it; \"help\" lists all columns", Complete::choice);
    command.option("user,u", "USER", options.user, parse_user, "only objects of this user", Complete::user);
    command.option("pid,p", "PID", options.process, read_process, "only objects that this process holds");
    command.option("filter,F", "TEXT", options.filter, "only objects that contain all its words, and no !word");
    command.flag("readonly", options.readonly, "offer nothing that changes an object");
    options.color.declare(command, "colours on the screen");
    command.argument("[PATTERN...]", options.patterns, "addresses or patterns of objects; all unless given",
                     Complete::address);
    command.choices("output", column_names);
    command.choices("sort", column_names);
}

Result<int> list_columns()
{
    std::string text;
    for (const watch::LiveColumn &column : watch::live_columns())
        text += fmt::format("{:<14} {}\n", column.name, column.help);
    IPC_TRY(print(text));
    return status::done;
}

Result<watch::Model> model_for(const Options &options)
{
    watch::Model model(IPC_TRY(watch::choose_live_columns(options.columns)));
    if ((options.columns.empty() || options.columns.front() == '+') && !options.json)
        model.add_columns_in_use();
    if (options.user)
        model.only_user(*options.user);
    if (options.process)
        model.only_process(*options.process);
    if (!options.sort.empty())
        model.sort_by(IPC_TRY(watch::find_live_column(options.sort)));
    model.set_filter(options.filter);
    return model;
}

Result<watch::Sampler> sampler_for(const Options &options)
{
    std::vector<FoundPlugin> plugins = find_plugins();
    IPC_TRY(check_selectors(parse_selectors(options.patterns), plugins, {}));
    watch::Observer observer(
        [plugins = std::move(plugins)](const SnapshotRequest &request) { return take_snapshot(plugins, request); },
        options.patterns);
    return watch::Sampler([observer]() mutable { return observer.take(); });
}

} // namespace

Result<int> ipc::run(Command &command)
{
    Options options;
    declare(command, options);
    IPC_TRY(command.parse());
    if (options.sort == "help")
        return list_columns();
    std::setlocale(LC_CTYPE, terminal_locale_name());
    watch::Model model = IPC_TRY(model_for(options));
    const watch::Sampler sampler = IPC_TRY(sampler_for(options));
    if (options.batch || options.json) {
        IPC_TRY(
            watch::print_samples(model, sampler, options.pace, options.json ? watch::json_line_of : watch::frame_of));
        return status::done;
    }
    if (!::isatty(STDOUT_FILENO))
        return usage_error("standard output is not a terminal (use -b for text, -J for JSON Lines)");
    return watch::watch_on_screen(model, sampler,
                                  {options.pace, options.readonly, options.color.wanted(STDOUT_FILENO)});
}
