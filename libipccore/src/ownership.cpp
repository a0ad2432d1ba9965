// SPDX-License-Identifier: MIT
#include "ownership.hpp"

namespace ipc {

void declare_ownership(Command &command, Ownership &ownership)
{
    command.option("mode,m", "MODE", "permission bits in octal (default 0600)", Complete::nothing,
                   [&](std::string_view text) -> Result<void> {
                       ownership.mode = IPC_TRY(parse_mode(text));
                       ownership.mode_given = true;
                       return {};
                   });
    command.option("owner", "USER", "give it to this user", Complete::user, [&](std::string_view text) -> Result<void> {
        ownership.owner = IPC_TRY(parse_user(text));
        return {};
    });
    command.option("group", "GROUP", "give it to this group", Complete::group,
                   [&](std::string_view text) -> Result<void> {
                       ownership.group = IPC_TRY(parse_group(text));
                       return {};
                   });
}

} // namespace ipc
