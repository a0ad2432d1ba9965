// SPDX-License-Identifier: MIT
#include "command_line.hpp"

#include <algorithm>

namespace ipc {
namespace {

constexpr std::size_t help_column = 30;
constexpr std::size_t help_width = 80;

/// `left`, and `help` in a column of its own, broken between words.
void add_entry(std::string &text, std::string_view left, std::string_view help)
{
    std::string line = fmt::format("  {}", left);
    if (line.size() + 2 > help_column) {
        text += line + '\n';
        line.clear();
    }
    line.resize(help_column, ' ');
    while (!help.empty()) {
        std::size_t room = help_width - help_column;
        if (help.size() > room) {
            const std::size_t blank = help.rfind(' ', room);
            room = blank == help.npos ? help.find(' ') : blank;
        }
        text += line.append(help.substr(0, room)) + '\n';
        help.remove_prefix(std::min(help.size(), room == help.npos ? help.size() : room + 1));
        line.assign(help_column, ' ');
    }
}

std::string usage_of(const CommandLine &line)
{
    std::string text = fmt::format("Usage: {} [OPTION...]", line.command);
    for (const Argument &argument : line.arguments)
        text += ' ' + argument.name;
    if (!line.program.name.empty())
        text += ' ' + line.program.name;
    return text + '\n';
}

} // namespace

void CommandLine::add_argument(std::string_view name, std::string_view text, Complete complete, const Family *family,
                               std::function<Result<void>(std::string_view)> take)
{
    arguments.push_back({std::string(name),
                         std::string(text),
                         complete,
                         family,
                         name.starts_with('['),
                         name.find("...") != name.npos,
                         std::move(take),
                         {}});
}

const Option *CommandLine::find(std::string_view name) const
{
    const auto found = std::find_if(options.begin(), options.end(), [&](const Option &option) {
        return option.name == name || (name.size() == 1 && option.letter == name[0]);
    });
    return found == options.end() ? nullptr : &*found;
}

bool CommandLine::is_option(std::string_view word) const
{
    return word.starts_with('-') && word != "-" && !(negative_numbers && is_negative_number(word));
}

bool is_negative_number(std::string_view word)
{
    constexpr std::string_view digits = "0123456789";
    if (!word.starts_with('-'))
        return false;
    word.remove_prefix(1);
    if (word == "inf" || word == "infinity" || word.starts_with("nan(") || word == "nan")
        return true;
    word.remove_prefix(word.starts_with('.') ? 1 : 0);
    return !word.empty() && digits.find(word[0]) != digits.npos;
}

std::string help_text(const CommandLine &line)
{
    std::string text = usage_of(line);
    text += line.summary + "\n\n";
    for (const Argument &argument : line.arguments)
        add_entry(text, argument.name, argument.help);
    if (!line.program.name.empty())
        add_entry(text, "-- COMMAND", line.program.help);
    text += line.arguments.empty() ? "Options:\n" : "\nOptions:\n";
    for (const Option &option : line.options)
        add_entry(text,
                  fmt::format("{}--{}{}{}", option.letter ? fmt::format("-{}, ", option.letter) : "    ", option.name,
                              option.value.empty() ? "" : " ", option.value),
                  option.help);
    if (!line.examples.empty())
        text += "\nExamples:\n" + line.examples;
    text += fmt::format("\nExit status: 0 done, 1 error, 2 empty, full, busy or timed out, 64 usage.\n"
                        "{}(1) tells more; ipcutils(7) explains addresses.\n",
                        line.command);
    return text;
}

} // namespace ipc
