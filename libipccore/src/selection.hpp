// SPDX-License-Identifier: MIT
// Which objects a user means: addresses and glob patterns on the command line of a listing or removing command.
#pragma once

#include "address.hpp"
#include "plugins.hpp"

#include <ipc/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// An address, or a pattern of fnmatch(3) over addresses in which `*` matches slashes too. The part before the colon
/// may be the beginning of a mechanism's name, up to a hyphen; without that part the name of any mechanism is meant.
class Selector {
public:
    explicit Selector(std::string_view text);

    const std::string &text() const { return text_; }
    /// An address, in which no character stands for others?
    bool is_exact() const { return exact_; }
    /// Does it say which mechanism, and not by a pattern?
    bool names_mechanism() const { return !mechanism_.empty() && mechanism_.find_first_of("*?[") == mechanism_.npos; }
    bool concerns(std::string_view mechanism) const;
    /// Of an object of a mechanism that this concerns: does its name match?
    bool matches(const Address &address) const;
    /// The address that an exact one means within a mechanism.
    Address within(std::string_view mechanism) const;

private:
    std::string text_;
    std::string mechanism_; // may be a pattern; empty: any
    std::string name_;      // encoded pattern, or decoded name if exact
    bool exact_;
};

std::vector<Selector> parse_selectors(const std::vector<std::string> &texts);

/// Is there a plugin for what each of these names, does it offer `capability` (any, if empty), and is an address well
/// formed in its eyes? The error is a usage error, or says why the plugin was refused.
Result<void> check_selectors(const std::vector<Selector> &selectors, const std::vector<FoundPlugin> &plugins,
                             std::string_view capability);

} // namespace ipc
