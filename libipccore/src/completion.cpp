// SPDX-License-Identifier: MIT
#include "completion.hpp"

#include "printable.hpp"
#include "snapshot.hpp"

#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace ipc {
namespace {

void add(std::string &text, std::string_view word, std::string_view prefix, std::string_view help = {})
{
    if (!word.starts_with(prefix))
        return;
    text += word;
    if (!help.empty())
        text.append("\t").append(help);
    text += '\n';
}

std::string option_names(const CommandLine &line, std::string_view prefix)
{
    std::string text;
    for (const Option &option : line.options)
        add(text, "--" + option.name, prefix, option.help);
    return text;
}

template <typename Record> std::string account_names(Record *(*next)(), char *Record::*name, std::string_view prefix)
{
    std::string text;
    while (const Record *record = next())
        add(text, printable(record->*name), prefix);
    return text;
}

/// Files that a path may go on with, written behind `head`.
void add_paths(std::string &text, std::string_view head, std::string_view prefix)
{
    const std::string path = percent_decoded(prefix.substr(head.size()));
    const std::string directory = path.substr(0, path.rfind('/') + 1);
    const std::string_view leaf = std::string_view(path).substr(directory.size());
    const std::unique_ptr<DIR, int (*)(DIR *)> entries(opendir(directory.empty() ? "." : directory.c_str()), closedir);
    while (const dirent *entry = entries ? readdir(entries.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        struct stat status;
        if (name == "." || name == ".." || (name[0] == '.' && leaf.empty()) || !name.starts_with(leaf) ||
            fstatat(dirfd(entries.get()), entry->d_name, &status, 0) != 0)
            continue;
        const std::string found = percent_encoded(directory + entry->d_name);
        add(text, fmt::format("{}{}{}", head, found, S_ISDIR(status.st_mode) ? "/" : ""), head);
    }
}

/// Addresses of what exists, or could if they are paths, in the form that was begun; the mechanisms themselves for
/// those who have not yet typed one.
std::string addresses(const Family *family, std::string_view prefix)
{
    std::string text;
    const std::string_view capability = family ? family->capability : std::string_view();
    const std::size_t colon = prefix.find(':');
    const std::string_view head = colon == prefix.npos ? std::string_view() : prefix.substr(0, colon + 1);
    const bool is_bare = family && head.empty() && prefix.starts_with('/');
    const std::string_view begun = is_bare ? "posix" : prefix.substr(0, head.empty() ? 0 : colon);
    const std::string mechanism = family ? whole_mechanism(begun, *family) : std::string(begun);
    bool are_paths = false;
    for (const FoundPlugin &found : find_plugins()) {
        if (!found.plugin || (!capability.empty() && !found.plugin->offers(capability)))
            continue;
        if (mechanism.empty())
            add(text, found.mechanism + ":", prefix, found.plugin->descriptor().summary);
        are_paths |= found.mechanism == mechanism && found.plugin->descriptor().flags & IPC_PLUGIN_PATHS;
    }
    if (are_paths)
        add_paths(text, head, prefix);
    for (const std::string &address : list_addresses(capability, mechanism)) {
        const std::string_view name = std::string_view(address).substr(address.find(':') + 1);
        if (mechanism.empty())
            add(text, address, prefix);
        else if (!are_paths || access(percent_decoded(name).c_str(), F_OK) != 0) // those were found above
            add(text, fmt::format("{}{}", head, name), prefix);
    }
    return text;
}

/// The last item of a comma-separated list is what is completed.
std::string list_items(const std::vector<std::string> &choices, std::string_view word)
{
    const std::size_t item = word.rfind(',') == word.npos ? (word.starts_with('+') ? 1 : 0) : word.rfind(',') + 1;
    std::string text;
    for (const std::string &choice : choices)
        add(text, fmt::format("{}{}", word.substr(0, item), choice), word);
    return text;
}

std::string values(Complete kind, const Family *family, const std::function<std::vector<std::string>()> &choices,
                   std::string_view prefix)
{
    switch (kind) {
    case Complete::file:
        return ":files\n";
    case Complete::address:
        return addresses(family, prefix);
    case Complete::user:
        return account_names(&getpwent, &passwd::pw_name, prefix);
    case Complete::group:
        return account_names(&getgrent, &group::gr_name, prefix);
    case Complete::choice:
        return choices ? list_items(choices(), prefix) : std::string();
    case Complete::nothing:
        break;
    }
    return {};
}

/// The option that still waits for its value behind `word`; null if none does.
const Option *waiting_option(const CommandLine &line, std::string_view word)
{
    const Option *option = nullptr;
    if (word.starts_with("--"))
        option = line.find(word.substr(2));
    else if (word.size() >= 2 && word[0] == '-')
        option = line.find(word.substr(word.size() - 1));
    return option && !option->value.empty() ? option : nullptr;
}

/// The arguments that stand before the word that is completed.
std::vector<std::string> arguments_before(const CommandLine &line, const std::vector<std::string> &words)
{
    std::vector<std::string> before;
    for (std::size_t i = 0; i < words.size(); i++)
        if (waiting_option(line, words[i]))
            i++;
        else if (!line.is_option(words[i]))
            before.push_back(words[i]);
    return before;
}

std::string argument_values(const CommandLine &line, const std::vector<std::string> &before, std::string_view word)
{
    std::size_t position = 0;
    for (const Argument &argument : line.arguments) {
        if (position++ != before.size() && !argument.repeated)
            continue;
        return values(
            argument.complete, argument.family,
            [&] { return argument.choices ? argument.choices(before) : std::vector<std::string>(); }, word);
    }
    return {};
}

} // namespace

std::string completion_text(const CommandLine &line)
{
    if (line.words.size() < 2)
        return {};
    Result<std::int64_t> index = parse_integer(line.words[1], 1, 10000);
    if (!index)
        return {};
    std::vector<std::string> words(line.words.begin() + 2, line.words.end());
    words.resize(static_cast<std::size_t>(*index));
    const std::string word = words.back();
    words.pop_back();
    if (!line.program.name.empty() && std::find(words.begin(), words.end(), "--") != words.end())
        return values(Complete::file, nullptr, {}, word);
    if (const Option *option = words.empty() ? nullptr : waiting_option(line, words.back()))
        return values(option->complete, option->family, option->choices, word);
    if (line.is_option(word))
        return option_names(line, word);
    return argument_values(line, arguments_before(line, words), word);
}

} // namespace ipc
