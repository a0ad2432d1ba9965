// SPDX-License-Identifier: MIT
// The runner: every command defines run(), and this owns main, options, --help, --version, --plugin, completion,
// printing of errors, the exit status and the check that standard output could be written.
//
//     ipc::Result<int> run(ipc::Command &command)
//     {
//         ipc::Address address;
//         bool reuse = false;
//         command.describe("create a segment", "…");
//         command.argument("ADDRESS", address, ipc::segment_family, "the segment to create");
//         command.flag("reuse", reuse, "accept an existing segment");
//         IPC_TRY(command.parse());
//         …
//         return ipc::status::done;
//     }
#pragma once

#include "address.hpp"
#include "error.hpp"
#include "quantity.hpp"

#include <ipc/result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// What completion offers where a value is expected.
enum class Complete { nothing, file, address, user, group, choice };

class Command {
public:
    Command(int count, char **words);
    ~Command();
    Command(const Command &) = delete;

    std::string_view name() const;

    /// One line for the head of --help, and more for its foot (examples; may be empty).
    void describe(std::string_view summary, std::string_view examples = {});

    // Options. `names` is "long" or "long,s". They are declared before parse(), their variables keep their defaults
    // unless given. Every one appears in --help, in completion, and must appear in the man page (a test looks).
    void flag(std::string_view names, bool &variable, std::string_view help);
    void option(std::string_view names, std::string_view value, std::string_view help, Complete complete,
                std::function<Result<void>(std::string_view text)> take);
    /// The same for usual types, found by overload: text, numbers in a range, sizes, seconds, modes.
    void option(std::string_view names, std::string_view value, std::string &variable, std::string_view help,
                Complete complete = Complete::nothing);
    void option(std::string_view names, std::string_view value, std::optional<std::string> &variable,
                std::string_view help, Complete complete = Complete::nothing);
    template <typename T>
    void option(std::string_view names, std::string_view value, T &variable, Result<T> (*read)(std::string_view),
                std::string_view help, Complete complete = Complete::nothing)
    {
        option(names, value, help, complete, [&variable, read](std::string_view text) -> Result<void> {
            variable = IPC_TRY(read(text));
            return {};
        });
    }
    template <typename T>
    void option(std::string_view names, std::string_view value, std::optional<T> &variable,
                Result<T> (*read)(std::string_view), std::string_view help, Complete complete = Complete::nothing)
    {
        option(names, value, help, complete, [&variable, read](std::string_view text) -> Result<void> {
            variable = IPC_TRY(read(text));
            return {};
        });
    }

    /// An address of this family, parsed and asked about as that of an argument.
    void option(std::string_view names, std::string_view value, std::optional<Address> &variable, const Family &family,
                std::string_view help);

    // Arguments, in their order. `name` in brackets, "[SIZE]", may be missing; "ADDRESS..." takes all the rest, at
    // least one;
    // "[MESSAGE...]" any number. Addresses are parsed and their plugin is loaded and asked (Plugin::check), so a
    // malformed one is a usage error.
    void argument(std::string_view name, Address &variable, const Family &family, std::string_view help);
    void argument(std::string_view name, std::vector<Address> &variable, const Family &family, std::string_view help);
    void argument(std::string_view name, std::optional<std::string> &variable, std::string_view help);
    void argument(std::string_view name, std::vector<std::string> &variable, std::string_view help,
                  Complete complete = Complete::nothing, const Family *family = nullptr);
    /// The same for what has a form of its own.
    template <typename T>
    void argument(std::string_view name, std::optional<T> &variable, Result<T> (*read)(std::string_view),
                  std::string_view help)
    {
        argument(name, help, [&variable, read](std::string_view text) -> Result<void> {
            variable = IPC_TRY(read(text));
            return {};
        });
    }

    /// Arguments may be negative numbers: words like -1, -.5 and -inf are never options. For commands none of whose
    /// options has a digit for its letter.
    void take_negative_numbers();

    /// A program to run: the words behind a bare `--`, which are then neither options nor arguments. `name` is how the
    /// usage shows them: "-- COMMAND [ARGUMENT...]", or all of it in brackets where it may be missing; a `--` with
    /// nothing behind it is a usage error. For a command that declares none `--` only ends its options. To be handed to
    /// execute() (see execution.hpp).
    void program(std::string_view name, std::vector<std::string> &variable, std::string_view help);

    /// The words that completion offers for an option declared with Complete::choice.
    void choices(std::string_view option, const std::function<std::vector<std::string>()> &list);
    /// The same for an argument, which may depend on the arguments before it.
    using ArgumentChoices = std::function<std::vector<std::string>(const std::vector<std::string> &before)>;
    void argument_choices(std::string_view argument, const ArgumentChoices &list);

    /// Read the command line. --help, --version and completion end the process here.
    Result<void> parse();

    /// Print "COMMAND: text" on stderr and remember that the command failed: for commands that go on with the next of
    /// several objects. run()'s own error is printed by the runner.
    void report(const Error &error);
    /// The same for what has no code: status 1.
    void report(std::string_view text);
    /// The worst status reported so far.
    int status() const;
    /// Print "COMMAND: text" on stderr, without failing.
    void note(std::string_view text) const;
    /// Which status "empty, full, timed out" has (-E); 2 unless set.
    void set_empty_status(int status);

private:
    friend int run_command(Command &command);
    void argument(std::string_view name, std::string_view help,
                  std::function<Result<void>(std::string_view text)> take);
    struct State;
    std::unique_ptr<State> state_;
};

/// main(): call run(), print its error, check standard output. Returns the exit status.
int run_command(Command &command);

/// What each command defines.
Result<int> run(Command &command);

/// Write all of `text` to standard output, retrying short writes. The error says what could not be written. At the end
/// the runner checks that the descriptor can be closed without an error (ENOSPC, EIO of delayed writes).
Result<void> print(std::string_view text);

/// The same, and make sure now that it has arrived, as far as that shows before the descriptor is closed for good. For
/// commands that undo what nobody was told of.
Result<void> print_and_check(std::string_view text);

/// Can standard output be written at all? For commands that do what cannot be undone before they print; `otherwise` is
/// what has not happened yet, "nothing was received".
Result<void> check_output(std::string_view otherwise);

} // namespace ipc
