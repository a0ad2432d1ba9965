// SPDX-License-Identifier: MIT
#include "wait_options.hpp"

#include <fmt/format.h>

namespace ipc {

void WaitOptions::declare(Command &command, std::string_view vain)
{
    command.flag("nonblock,n", nonblock_, fmt::format("do not wait {}", vain));
    command.option("timeout,w", "SECONDS", timeout_, parse_seconds,
                   fmt::format("wait {} for at most so long each time; may have a fraction", vain));
    command.option("empty-status,E", "STATUS", "exit status when it was in vain (default 2)", Complete::nothing,
                   [this, &command](std::string_view text) -> Result<void> {
                       empty_status_ = int(IPC_TRY(parse_integer(text, 0, 255)));
                       command.set_empty_status(empty_status_);
                       return {};
                   });
    command.flag("quiet,q", quiet_, "say nothing when waiting was in vain, the exit status tells");
}

Result<std::int64_t> WaitOptions::timeout() const
{
    if (nonblock_ && timeout_)
        return usage_error("--nonblock and --timeout contradict each other (give one of them)");
    if (nonblock_)
        return std::int64_t(0);
    return timeout_ ? timeout_->count() : std::int64_t(IPC_FOREVER);
}

Result<int> WaitOptions::end(const Error &error) const
{
    if (quiet_ && exit_status(error) == status::empty)
        return empty_status_;
    return error;
}

} // namespace ipc
