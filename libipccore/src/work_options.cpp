// SPDX-License-Identifier: MIT
#include "work_options.hpp"

#include "workers.hpp"

#include <sched.h>

#include <algorithm>

namespace ipc {

namespace {

constexpr std::int64_t most_workers = 10'000;

/// Those that this process may use.
std::size_t count_processors()
{
    cpu_set_t processors;
    return ::sched_getaffinity(0, sizeof processors, &processors) == 0 ? std::size_t(CPU_COUNT(&processors)) : 1;
}

} // namespace

void WorkOptions::declare(Command &command)
{
    command.program("[-- COMMAND [ARGUMENT...]]", program_,
                    "run this for each message, which is its standard input and stands for {} in an ARGUMENT; the "
                    "message is done when it ends with status 0");
    command.option("workers,P", "N", "run COMMAND for so many messages at once; 0: as there are processors (default 1)",
                   Complete::nothing, [this](std::string_view text) -> Result<void> {
                       const auto number = std::size_t(IPC_TRY(parse_integer(text, 0, most_workers)));
                       workers_ = number ? number : count_processors();
                       return {};
                   });
    command.option("retries", "N", "run COMMAND up to so many times more for a message that it fails for (default 0)",
                   Complete::nothing, [this](std::string_view text) -> Result<void> {
                       retries_ = unsigned(IPC_TRY(parse_integer(text, 0, 1'000'000)));
                       return {};
                   });
    command.option("dead-letter", "ADDRESS", dead_letters_, queue_family,
                   "send messages that COMMAND failed for to this queue, as JSON with the reason");
    command.option("journal", "FILE", journal_,
                   "have messages on disk until COMMAND is done with them, and begin with those of a run that crashed",
                   Complete::file);
}

Result<void> WorkOptions::check() const
{
    if (given())
        return {};
    for (const auto &[is_given, name] : {std::pair{workers_.has_value(), "--workers"},
                                         {retries_.has_value(), "--retries"},
                                         {dead_letters_.has_value(), "--dead-letter"},
                                         {journal_.has_value(), "--journal"}})
        if (is_given)
            return usage_error("{} is for a command that is run for each message (write -- COMMAND at the end)", name);
    return {};
}

Result<int> WorkOptions::work(const Command &command, Queue &queue, std::uint64_t messages, std::int64_t timeout,
                              bool verbose) const
{
    Executable executable = IPC_TRY(Executable::find(program_.front()));
    std::optional<DeadLetters> dead_letters;
    if (dead_letters_)
        dead_letters.emplace(IPC_TRY(DeadLetters::open(*dead_letters_, queue)));
    std::optional<Journal> journal;
    if (journal_)
        journal.emplace(IPC_TRY(Journal::open(*journal_, queue.address())));
    const Work work = {.program = program_,
                       .workers = workers_.value_or(1),
                       .retries = retries_.value_or(0),
                       .messages = messages,
                       .timeout = timeout,
                       .dead_letters = dead_letters ? &*dead_letters : nullptr,
                       .journal = journal ? &*journal : nullptr,
                       .verbose = verbose};
    Workers workers = IPC_TRY(Workers::create(queue, work, std::move(executable)));
    Result<int> ended = workers.run();
    if (verbose)
        command.note(fmt::format("messages done: {}, given up: {}", workers.done(), workers.failed()));
    return ended;
}

} // namespace ipc
