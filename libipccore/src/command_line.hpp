// SPDX-License-Identifier: MIT
// The one table of a command's options and arguments: parsing, help and completion all read it.
#pragma once

#include "command.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

struct Option {
    std::string name;  // long, without hyphens
    char letter;       // '\0' if there is none
    std::string value; // what its value is called; empty for a flag
    std::string help;
    Complete complete;
    std::function<Result<void>(std::string_view)> take;
    std::function<std::vector<std::string>()> choices;
    const Family *family = nullptr; // of an address
};

struct Argument {
    std::string name; // as declared: "[SIZE]", "ADDRESS..."
    std::string help;
    Complete complete;
    const Family *family; // of an address; else null
    bool optional;
    bool repeated;
    std::function<Result<void>(std::string_view)> take;
    Command::ArgumentChoices choices;
};

/// The words behind `--`.
struct Program {
    std::string name; // as declared; empty if the command runs none
    std::string help;
    std::vector<std::string> *words = nullptr;
};

struct CommandLine {
    std::string command;
    std::vector<std::string> words; // behind the command's name
    std::string summary;
    std::string examples;
    std::vector<Option> options;
    std::vector<Argument> arguments;
    Program program;
    bool help = false;
    bool version = false;
    bool negative_numbers = false; // are arguments, not options

    void add_argument(std::string_view name, std::string_view text, Complete complete, const Family *family,
                      std::function<Result<void>(std::string_view)> take);
    /// The option of that long name or, for one character, that letter; null if there is none.
    const Option *find(std::string_view name) const;
    /// Is the word one that stands for options?
    bool is_option(std::string_view word) const;
};

/// A minus sign and what a number begins with: -1, -.5, -inf, -nan.
bool is_negative_number(std::string_view word);

/// What --help prints.
std::string help_text(const CommandLine &line);

} // namespace ipc
