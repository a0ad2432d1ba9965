// SPDX-License-Identifier: MIT
#include "selection.hpp"

#include "error.hpp"
#include "printable.hpp"
#include "suggestion.hpp"

#include <algorithm>
#include <fnmatch.h>

namespace ipc {
namespace {

constexpr std::string_view wildcards = "*?[";

/// What may stand before the colon of an address or of a pattern.
bool is_mechanism_pattern(std::string_view text)
{
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-*?[]!") == text.npos;
}

bool matches_pattern(const std::string &pattern, const std::string &text)
{
    return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

Error no_such_mechanism(const Selector &selector, std::string_view mechanism, const std::vector<FoundPlugin> &plugins,
                        std::string_view capability)
{
    std::vector<std::string> known;
    for (const FoundPlugin &found : plugins)
        if (found.plugin && (capability.empty() || found.plugin->offers(capability)))
            known.push_back(found.mechanism);
    const std::string shown = printable(selector.text());
    if (const std::optional<std::string> near = suggestion(mechanism, known))
        return usage_error("{}: there is no mechanism {} (did you mean {}?)", shown, printable(mechanism), *near);
    return usage_error("{}: there is no mechanism {} (there are: {})", shown, printable(mechanism),
                       fmt::join(known, ", "));
}

/// "segment" of "ipc.segment/1".
std::string_view noun_of(std::string_view capability)
{
    capability.remove_prefix(std::min(capability.find('.') + 1, capability.size()));
    return capability.substr(0, capability.find('/'));
}

Result<void> check_selector(const Selector &selector, const std::vector<FoundPlugin> &plugins,
                            std::string_view capability)
{
    const std::string_view text = selector.text();
    if (selector.is_exact() && !is_percent_encoded(text))
        return stray_percent(text);
    const std::string_view mechanism = text.substr(0, text.find(':'));
    const FoundPlugin *refused = nullptr, *unfit = nullptr, *unread = nullptr;
    bool any = false;
    for (const FoundPlugin &found : plugins) {
        if (found.mechanism.empty())
            unread = &found;
        if (found.mechanism.empty() || !selector.concerns(found.mechanism))
            continue;
        if (!found.plugin) {
            refused = &found;
        } else if (!capability.empty() && !found.plugin->offers(capability)) {
            unfit = &found;
        } else {
            any = true;
            if (selector.is_exact() && selector.names_mechanism() && mechanism == found.mechanism)
                IPC_TRY(found.plugin->check(selector.within(found.mechanism)));
        }
    }
    if (any || !selector.names_mechanism() || !selector.is_exact())
        return {};
    if (refused)
        return failure(ENOEXEC, "{}: {}", printable(text), refused->refusal);
    if (unfit)
        return usage_error("{}: mechanism {} offers no {}", printable(text), unfit->mechanism, noun_of(capability));
    if (unread)
        return failure(ENOENT, "{}: no plugin for {} was found, and {}", printable(text), printable(mechanism),
                       unread->refusal);
    return no_such_mechanism(selector, mechanism, plugins, capability);
}

} // namespace

Selector::Selector(std::string_view text) : text_(text), name_(text), exact_(text.find_first_of(wildcards) == text.npos)
{
    const std::size_t colon = text.find(':');
    if (colon != text.npos && is_mechanism_pattern(text.substr(0, colon))) {
        mechanism_ = text.substr(0, colon);
        name_ = text.substr(colon + 1);
    }
    if (exact_)
        name_ = percent_decoded(name_);
}

bool Selector::concerns(std::string_view mechanism) const
{
    if (mechanism_.empty())
        return true;
    return matches_pattern(mechanism_, std::string(mechanism)) ||
           (mechanism.starts_with(mechanism_) && mechanism.substr(mechanism_.size()).starts_with('-'));
}

bool Selector::matches(const Address &address) const
{
    if (exact_)
        return name_ == address.name;
    return matches_pattern(name_, percent_encoded(address.name)) || matches_pattern(name_, address.name);
}

Address Selector::within(std::string_view mechanism) const { return {std::string(mechanism), name_, {}}; }

std::vector<Selector> parse_selectors(const std::vector<std::string> &texts) { return {texts.begin(), texts.end()}; }

Result<void> check_selectors(const std::vector<Selector> &selectors, const std::vector<FoundPlugin> &plugins,
                             std::string_view capability)
{
    for (const Selector &selector : selectors)
        IPC_TRY(check_selector(selector, plugins, capability));
    return {};
}

} // namespace ipc
