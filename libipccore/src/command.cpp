// SPDX-License-Identifier: MIT
#include "command.hpp"

#include "command_line.hpp"
#include "completion.hpp"
#include "descriptors.hpp"
#include "interruption.hpp"
#include "memory_reserve.hpp"
#include "plugins.hpp"
#include "printable.hpp"
#include "suggestion.hpp"

#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace ipc {
namespace {

namespace options = boost::program_options;

Result<void> write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t count = write(fd, text.data(), text.size());
        if (count >= 0)
            text.remove_prefix(static_cast<std::size_t>(count));
        else if (!should_retry_at(fd, POLLOUT))
            return errno == EINTR ? failure(EINTR, "interrupted")
                                  : failure(errno, "writing to standard output: {}", write_failure(errno));
    }
    return {};
}

[[noreturn]] void end_with(const CommandLine &line, std::string_view text)
{
    Result<void> written = print(text);
    if (written && close(STDOUT_FILENO) < 0)
        written = failure(errno, "writing to standard output: {}", write_failure(errno));
    if (!written && written.error().code() != EPIPE)
        (void)write_all(STDERR_FILENO, fmt::format("{}: {}\n", line.command, written.error().text()));
    std::exit(written ? status::done : status::failed);
}

/// Could one of the words mean this option? Too often yes does no harm.
bool may_occur(const Option &option, const std::vector<std::string> &words)
{
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        if (word.starts_with("--"))
            return word.substr(2).starts_with(option.name);
        return option.letter && word.starts_with('-') && word.find(option.letter) != word.npos;
    });
}

/// Only what may occur is described: Program_options reads the names of each option through a stream, which for twenty
/// of them is a fifth of a command's start.
options::options_description described(const CommandLine &line)
{
    options::options_description table;
    for (const Option &option : line.options) {
        if (!may_occur(option, line.words))
            continue;
        const std::string names = option.letter ? fmt::format("{},{}", option.name, option.letter) : option.name;
        if (option.value.empty())
            table.add_options()(names.c_str(), "");
        else
            table.add_options()(names.c_str(), options::value<std::string>(), "");
    }
    return table;
}

Error unknown_option(const CommandLine &line, const std::string &word)
{
    std::vector<std::string> known;
    for (const Option &option : line.options)
        known.push_back("--" + option.name);
    if (const std::optional<std::string> near = suggestion(word, known))
        return usage_error("no option {} (did you mean {}?)", printable(word), *near);
    return usage_error("no option {} (--help lists them)", printable(word));
}

/// Assign the words that are no options to the declared arguments, in order.
Result<void> take_arguments(CommandLine &line, const std::vector<std::string> &words)
{
    std::size_t next = 0;
    for (const Argument &argument : line.arguments) {
        if (next == words.size() && !argument.optional)
            return usage_error("{} is missing ({} --help shows the usage)", argument.name, line.command);
        const std::size_t end = argument.repeated ? words.size() : std::min(next + 1, words.size());
        for (; next < end; next++)
            IPC_TRY(argument.take(words[next]));
    }
    if (next < words.size())
        return usage_error("\"{}\" is one argument too many ({} --help shows the usage)", printable(words[next]),
                           line.command);
    return {};
}

Result<void> take_option(const Option &option, const std::vector<std::string> &values)
{
    const std::string &value = values.empty() ? std::string() : values.front();
    Result<void> taken = option.take(value);
    if (!taken)
        return failure(taken.error().code(), "--{}: {}", option.name, taken.error().text());
    return {};
}

/// Asked by Program_options at each word, before it looks for options itself.
std::vector<options::option> take_negative_number(std::vector<std::string> &words)
{
    if (!is_negative_number(words.front()))
        return {};
    options::option argument;
    argument.value = {words.front()};
    words.erase(words.begin());
    return {argument};
}

/// Cut the program off the words that remain to be read.
Result<void> take_program(CommandLine &line)
{
    const Program &program = line.program;
    const auto dashes = program.name.empty() ? line.words.end() : std::find(line.words.begin(), line.words.end(), "--");
    if (dashes == line.words.end())
        return {};
    program.words->assign(dashes + 1, line.words.end());
    line.words.erase(dashes, line.words.end());
    if (program.words->empty())
        return usage_error("nothing stands behind -- (write {})", program.name);
    return {};
}

Result<void> expect_program(const CommandLine &line)
{
    const Program &program = line.program;
    if (program.name.empty() || program.name.starts_with('[') || !program.words->empty())
        return {};
    return usage_error("a command to run is missing (write {} at the end)", program.name);
}

/// Program_options does the reading; values go straight to the variables, without its storage and casts, which would
/// be most of a command's start.
Result<void> take_words(CommandLine &line)
{
    IPC_TRY(take_program(line));
    const int style = (options::command_line_style::unix_style & ~options::command_line_style::allow_guessing);
    std::vector<std::string> arguments;
    try {
        const options::options_description table = described(line);
        options::command_line_parser parser(line.words);
        if (line.negative_numbers)
            parser.extra_style_parser(take_negative_number);
        const auto parsed = parser.options(table).style(style).run();
        for (const auto &item : parsed.options) {
            if (item.string_key.empty()) {
                arguments.insert(arguments.end(), item.value.begin(), item.value.end());
                continue;
            }
            const std::string key =
                item.string_key.starts_with('-') ? item.string_key.substr(1) : item.string_key; // "-x": letter only
            const auto option = std::find_if(line.options.begin(), line.options.end(),
                                             [&](const Option &candidate) { return candidate.name == key; });
            IPC_TRY(take_option(*option, item.value));
        }
    } catch (const options::unknown_option &error) {
        return unknown_option(line, error.get_option_name());
    } catch (const options::error &error) {
        return usage_error("{}", printable(error.what()));
    }
    if (line.help)
        end_with(line, help_text(line));
    if (line.version)
        end_with(line, fmt::format("{} (ipcutils) {}\n", line.command, IPCUTILS_VERSION));
    IPC_TRY(take_arguments(line, arguments));
    return expect_program(line);
}

} // namespace

struct Command::State {
    CommandLine line;
    int worst = status::done;
    int empty = status::empty;
};

Command::Command(int count, char **words) : state_(std::make_unique<State>())
{
    const std::string_view path = count > 0 ? words[0] : "";
    state_->line.command = path.substr(path.rfind('/') + 1);
    state_->line.options.reserve(32); // more than any command has, so that none is moved
    for (int i = 1; i < count; i++)
        state_->line.words.emplace_back(words[i]);
    set_notice_handler([this](std::string_view text) { note(text); });
}

Command::~Command() = default;

std::string_view Command::name() const { return state_->line.command; }

void Command::describe(std::string_view summary, std::string_view examples)
{
    state_->line.summary = summary;
    state_->line.examples = examples;
}

void Command::flag(std::string_view names, bool &variable, std::string_view help)
{
    option(names, {}, help, Complete::nothing, [&variable](std::string_view) -> Result<void> {
        variable = true;
        return {};
    });
}

void Command::option(std::string_view names, std::string_view value, std::string_view help, Complete complete,
                     std::function<Result<void>(std::string_view)> take)
{
    const std::size_t comma = names.find(',');
    state_->line.options.push_back({std::string(names.substr(0, comma)),
                                    comma == names.npos ? '\0' : names[comma + 1],
                                    std::string(value),
                                    std::string(help),
                                    complete,
                                    std::move(take),
                                    {}});
}

void Command::option(std::string_view names, std::string_view value, std::string &variable, std::string_view help,
                     Complete complete)
{
    option(names, value, help, complete, [&variable](std::string_view text) -> Result<void> {
        variable = text;
        return {};
    });
}

void Command::option(std::string_view names, std::string_view value, std::optional<std::string> &variable,
                     std::string_view help, Complete complete)
{
    option(names, value, help, complete, [&variable](std::string_view text) -> Result<void> {
        variable = std::string(text);
        return {};
    });
}

namespace {
/// Parse an address and ask its plugin, so that what is malformed is refused before anything is done.
Result<Address> take_address(std::string_view text, const Family &family)
{
    Address address = IPC_TRY(parse_address(text, family));
    const Plugin *plugin = IPC_TRY(load_plugin(address.mechanism));
    if (!plugin->offers(family.capability))
        return usage_error("{}: mechanism {} offers no {} (ipcls --plugins shows what each offers)", address.text(),
                           address.mechanism, family.noun);
    IPC_TRY(plugin->check(address));
    return address;
}
} // namespace

void Command::option(std::string_view names, std::string_view value, std::optional<Address> &variable,
                     const Family &family, std::string_view help)
{
    option(names, value, help, Complete::address, [&](std::string_view text) -> Result<void> {
        variable = IPC_TRY(take_address(text, family));
        return {};
    });
    state_->line.options.back().family = &family;
}

void Command::argument(std::string_view name, Address &variable, const Family &family, std::string_view help)
{
    state_->line.add_argument(name, help, Complete::address, &family, [&](std::string_view text) -> Result<void> {
        variable = IPC_TRY(take_address(text, family));
        return {};
    });
}

void Command::argument(std::string_view name, std::vector<Address> &variable, const Family &family,
                       std::string_view help)
{
    state_->line.add_argument(name, help, Complete::address, &family, [&](std::string_view text) -> Result<void> {
        variable.push_back(IPC_TRY(take_address(text, family)));
        return {};
    });
}

void Command::argument(std::string_view name, std::optional<std::string> &variable, std::string_view help)
{
    argument(name, help, [&](std::string_view text) -> Result<void> {
        variable = std::string(text);
        return {};
    });
}

void Command::argument(std::string_view name, std::string_view help, std::function<Result<void>(std::string_view)> take)
{
    state_->line.add_argument(name, help, Complete::nothing, nullptr, std::move(take));
}

void Command::argument(std::string_view name, std::vector<std::string> &variable, std::string_view help,
                       Complete complete, const Family *family)
{
    state_->line.add_argument(name, help, complete, family, [&](std::string_view text) -> Result<void> {
        variable.emplace_back(text);
        return {};
    });
}

void Command::program(std::string_view name, std::vector<std::string> &variable, std::string_view help)
{
    state_->line.program = {std::string(name), std::string(help), &variable};
}

void Command::choices(std::string_view name, const std::function<std::vector<std::string>()> &list)
{
    for (Option &option : state_->line.options)
        if (option.name == name)
            option.choices = list;
}

void Command::argument_choices(std::string_view name, const ArgumentChoices &list)
{
    for (Argument &argument : state_->line.arguments)
        if (argument.name == name) {
            argument.complete = Complete::choice;
            argument.choices = list;
        }
}

void Command::take_negative_numbers() { state_->line.negative_numbers = true; }

Result<void> Command::parse()
{
    CommandLine &line = state_->line;
    option("plugin", "FILE", "use this plugin file before those of the plugin directory", Complete::file,
           [](std::string_view path) { return add_plugin_file(std::string(path)); });
    flag("help,h", line.help, "print this text and end");
    flag("version,V", line.version, "print the version and end");
    if (!line.words.empty() && line.words.front() == "--complete")
        end_with(line, completion_text(line));
    return take_words(line);
}

void Command::report(const Error &error)
{
    const int worst = exit_status(error);
    note(error.text());
    state_->worst = std::max(state_->worst, worst == status::empty ? state_->empty : worst);
}

void Command::report(std::string_view text)
{
    note(text);
    state_->worst = std::max<int>(state_->worst, status::failed);
}

int Command::status() const { return state_->worst; }

void Command::note(std::string_view text) const
{
    (void)write_all(STDERR_FILENO, fmt::format("{}: {}\n", name(), text));
}

void Command::set_empty_status(int status) { state_->empty = status; }

Result<void> print(std::string_view text) { return write_all(STDOUT_FILENO, text); }

Result<void> print_and_check(std::string_view text)
{
    IPC_TRY(print(text));
    const int same = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    if (same < 0 || close(same) < 0)
        return failure(errno, "writing to standard output: {}", write_failure(errno));
    return {};
}

Result<void> check_output(std::string_view otherwise)
{
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0)
        return failure(errno, "standard output is closed, {}", otherwise);
    if ((flags & O_ACCMODE) == O_RDONLY)
        return failure(EBADF, "standard output is not open for writing, {}", otherwise);
    return {};
}

/// Has a reader gone away, or the user asked to stop? Neither is worth a message.
static bool is_quiet(const Error &error) { return error.code() == EPIPE || (error.code() == EINTR && interrupted()); }

int run_command(Command &command)
{
    Result<int> ended = within_memory([&] { return run(command); });
    int status = ended ? std::max(*ended, command.status()) : exit_status(ended.error());
    if (!ended && !is_quiet(ended.error()))
        command.report(ended.error()), status = command.status();
    if (!ended && ended.error().code() == EINTR)
        end_by_signal(interrupted());
    // Delayed errors of a write show when the descriptor is closed. One that was closed all along is no failure by
    // itself: who had something to print has failed before.
    if (close(STDOUT_FILENO) < 0 && errno != EBADF && status == status::done) {
        command.note(fmt::format("writing to standard output: {}", write_failure(errno)));
        status = status::failed;
    }
    return status;
}

} // namespace ipc
