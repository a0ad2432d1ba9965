// SPDX-License-Identifier: MIT
// All that is known of one object, as lines of text: the details pane, and what a removal asks about.
#pragma once

#include "model.hpp"

#include <string>
#include <vector>

namespace ipc::watch {

/// Everything but the address, in lines of `width` columns at most.
std::vector<std::string> details_of(const Object &object, const Past &past, int width);

} // namespace ipc::watch
