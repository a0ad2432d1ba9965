// SPDX-License-Identifier: MIT
// ipc/quoted_name.hpp - names of others among words of one's own.
#pragma once

#include <string>
#include <string_view>

namespace ipc {

/// A name as it stands among other words: in quotes where it could be taken for more than one of them, so that nobody
/// adds words by giving something a name. Any byte may be left in it.
inline std::string quoted_name(std::string_view name)
{
    if (!name.empty() && name.find_first_of(" ,;\"'") == name.npos)
        return std::string(name);
    std::string out = "\"";
    for (const char letter : name)
        out += letter == '"' ? std::string("\\x22") : std::string(1, letter);
    return out + '"';
}

} // namespace ipc
