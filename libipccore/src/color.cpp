// SPDX-License-Identifier: MIT
#include "color.hpp"

#include "printable.hpp"

#include <unistd.h>

#include <cstdlib>

namespace ipc {

void ColorOption::declare(Command &command, std::string_view help)
{
    command.option("color", "WHEN", fmt::format("{}: auto, always or never", help), Complete::choice,
                   [this](std::string_view text) -> Result<void> {
                       if (text != "auto" && text != "always" && text != "never")
                           return usage_error("\"{}\" is none of auto, always, never", printable(text));
                       when_ = text == "auto" ? When::automatic : text == "always" ? When::always : When::never;
                       return {};
                   });
    command.choices("color", [] { return std::vector<std::string>{"auto", "always", "never"}; });
}

bool ColorOption::wanted(int fd) const
{
    const auto variable = [](const char *name) {
        const char *value = std::getenv(name);
        return std::string_view(value ? value : "");
    };
    if (when_ != When::automatic)
        return when_ == When::always;
    return isatty(fd) && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
}

} // namespace ipc
