// SPDX-License-Identifier: MIT
#include "attempt.hpp"

#include "input.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <cstring>

namespace ipc {

namespace {

constexpr std::string_view placeholder = "{}";

Environment environment_of(const TakenMessage &message, const Attempt &attempt)
{
    const auto where = [&](std::uint32_t field, auto value) {
        return message.fields & field ? std::optional(fmt::to_string(value)) : std::nullopt;
    };
    return {{"IPC_ADDRESS", attempt.address},
            {"IPC_PRIORITY", where(IPC_QUEUE_PRIORITY, message.priority)},
            {"IPC_TYPE", where(IPC_QUEUE_TYPE, message.type)},
            {"IPC_LENGTH", fmt::to_string(message.bytes.size())},
            {"IPC_INDEX", fmt::to_string(message.index)},
            {"IPC_ATTEMPT", fmt::to_string(attempt.number)},
            {"IPC_WORKER", fmt::to_string(attempt.worker)},
            {"IPC_RECOVERED", message.recovered ? std::optional<std::string>("1") : std::nullopt}};
}

std::string filled_in(const std::string &word, std::string_view payload)
{
    std::string filled;
    std::size_t from = 0;
    for (std::size_t hit; (hit = word.find(placeholder, from)) != word.npos; from = hit + placeholder.size()) {
        filled.append(word, from, hit - from);
        filled += payload;
    }
    return filled.append(word, from);
}

/// The command's own name is never filled in: what is run is the caller's choice.
Result<std::vector<std::string>> words_for(const std::vector<std::string> &words, const TakenMessage &message)
{
    std::vector<std::string> filled = words;
    for (auto word = filled.begin() + 1; word < filled.end(); ++word) {
        if (word->find(placeholder) == word->npos)
            continue;
        if (message.bytes.find('\0') != message.bytes.npos)
            return failure(EILSEQ, "its payload holds a NUL byte, and {{}} cannot stand for it (read standard input)");
        *word = filled_in(*word, message.bytes);
    }
    return filled;
}

} // namespace

bool is_unfit(const Error &error) { return error.code() == EILSEQ || error.code() == E2BIG; }

Result<pid_t> start(const Executable &executable, const std::vector<std::string> &words, const TakenMessage &message,
                    const Attempt &attempt)
{
    const std::vector<std::string> filled = IPC_TRY(words_for(words, message));
    const Fd payload = IPC_TRY(memory_of(std::as_bytes(std::span(message.bytes))));
    return executable.start(filled, environment_of(message, attempt), payload.get());
}

std::string describe_end(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return fmt::format("signal {} ({})", WTERMSIG(wait_status), ::strsignal(WTERMSIG(wait_status)));
    return fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

int shell_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

} // namespace ipc
