// SPDX-License-Identifier: MIT
// "Did you mean": the candidate nearest to a mistyped word.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// The candidate with the smallest edit distance (Damerau-Levenshtein, restricted) to `word`, if it is small enough
/// to be a likely meaning: at most a third of the word's length, at least 1.
std::optional<std::string> suggestion(std::string_view word, const std::vector<std::string> &candidates);

} // namespace ipc
