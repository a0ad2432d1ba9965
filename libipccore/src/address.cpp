// SPDX-License-Identifier: MIT
#include "address.hpp"

#include "error.hpp"
#include "printable.hpp"

#include <algorithm>

namespace ipc {
namespace {

/// Mechanisms are named in lower case letters, digits and hyphens.
bool is_mechanism(std::string_view text)
{
    return !text.empty() && text[0] >= 'a' && text[0] <= 'z' && std::all_of(text.begin(), text.end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-';
    });
}

bool is_number(std::string_view text)
{
    return !text.empty() && text.find_first_not_of("0123456789abcdefxABCDEFX") == text.npos && text[0] >= '0' &&
           text[0] <= '9';
}

Error no_mechanism(std::string_view text, const Family &family)
{
    const std::string shown = printable(text);
    if (text.empty())
        return usage_error("an empty address (write MECHANISM:NAME, such as posix:/name)");
    if (is_number(text))
        return usage_error("\"{}\" has no mechanism (did you mean sysv:{}?)", shown, shown);
    if (text.starts_with("id="))
        return usage_error("\"{}\" has no mechanism (did you mean sysv:{}?)", shown, shown);
    if (text.starts_with('/') || text.starts_with('.'))
        return usage_error("\"{}\" has no mechanism (write MECHANISM:{})", shown, shown);
    return usage_error("\"{}\" has no mechanism (did you mean {}:/{}?)", shown,
                       family.suffix.empty() ? "MECHANISM" : "posix", shown);
}

std::vector<Address::Parameter> parse_parameters(std::string_view text)
{
    std::vector<Address::Parameter> parameters;
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), pair.size() + 1));
        const std::size_t equals = pair.find('=');
        parameters.push_back({percent_decoded(pair.substr(0, equals)),
                              equals == pair.npos ? std::string() : percent_decoded(pair.substr(equals + 1))});
    }
    return parameters;
}

/// Take the parameter of that key out of the address, if it is there: what the host understands for every mechanism of
/// a family is not the mechanism's.
std::optional<std::string> take_parameter(Address &address, std::string_view key)
{
    const auto found = std::find_if(address.parameters.begin(), address.parameters.end(),
                                    [&](const Address::Parameter &parameter) { return parameter.key == key; });
    if (found == address.parameters.end())
        return std::nullopt;
    std::string value = std::move(found->value);
    address.parameters.erase(found);
    return value;
}

Result<void> take_host_parameters(Address &address, const Family &family)
{
    if (family.capability == IPC_SEGMENT_1)
        if (const std::optional<std::string> value = take_parameter(address, sequence_key))
            address.sequence = IPC_TRY(parse_sequence_word(*value));
    if (family.capability == IPC_QUEUE_1)
        if (const std::optional<std::string> value = take_parameter(address, frame_key))
            address.frame = IPC_TRY(parse_stream_frame(*value));
    return {};
}

/// A bare "/name" with one slash is the POSIX object of the family.
bool is_bare_name(std::string_view text, const Family &family)
{
    return !family.suffix.empty() && text.size() > 1 && text[0] == '/' && text.find('/', 1) == text.npos;
}

} // namespace

Error stray_percent(std::string_view text)
{
    return usage_error("\"{}\" has a % without two hexadecimal digits behind it (write %25 for a percent sign)",
                       printable(text));
}

std::string whole_mechanism(std::string_view mechanism, const Family &family)
{
    if (!family.suffix.empty() && (mechanism == "posix" || mechanism == "sysv"))
        return fmt::format("{}-{}", mechanism, family.suffix);
    return std::string(mechanism);
}

std::string Address::text() const { return text(Charset::terminal); }

std::string Address::text(Charset charset) const
{
    std::string text = mechanism + ':' + percent_encoded(name, charset);
    char separator = '?';
    const auto add = [&](std::string_view key, std::string_view value) {
        text.append(1, separator).append(percent_encoded(key, charset));
        if (!value.empty())
            text.append("=").append(percent_encoded(value, charset));
        separator = '&';
    };
    for (const Parameter &parameter : parameters)
        add(parameter.key, parameter.value);
    if (sequence)
        add(sequence_key, text_of(*sequence));
    if (frame)
        add(frame_key, text_of(*frame));
    return text;
}

Result<Address> parse_address(std::string_view text, const Family &family)
{
    const std::string_view place = text.substr(0, text.find('?'));
    const std::size_t colon = place.find(':');
    Address address;
    std::string_view name = place;
    if (colon != place.npos && is_mechanism(place.substr(0, colon))) {
        address.mechanism = whole_mechanism(place.substr(0, colon), family);
        name.remove_prefix(colon + 1);
    } else if (is_bare_name(place, family)) {
        address.mechanism = whole_mechanism("posix", family);
    } else {
        return no_mechanism(text, family);
    }
    if (name.empty())
        return usage_error("\"{}\" has no name behind the colon (write {}:NAME)", printable(text), address.mechanism);
    if (!is_percent_encoded(text))
        return stray_percent(text);
    address.name = percent_decoded(name);
    if (address.name.find('\0') != std::string::npos)
        return usage_error("\"{}\" has a NUL byte in its name (no mechanism takes one)", printable(text));
    if (place.size() < text.size())
        address.parameters = parse_parameters(text.substr(place.size() + 1));
    IPC_TRY(take_host_parameters(address, family));
    return address;
}

} // namespace ipc
