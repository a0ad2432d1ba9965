// SPDX-License-Identifier: MIT
#include "execution.hpp"

#include "interruption.hpp"
#include "printable.hpp"

#include <unistd.h>

#include <cstdlib>

namespace ipc {
namespace {

Error not_executed(const std::string &program, int code)
{
    const std::string shown = printable(program);
    if (code == ENOENT && program.find('/') == program.npos)
        return failure(code_for(status::not_found), "{}: there is no such command in PATH (give its path)", shown);
    if (code == ENOENT)
        return failure(code_for(status::not_found), "{}: there is no such command, or none to interpret it", shown);
    return failure(code_for(status::not_executable), "{}: it cannot be executed: {}{}", shown, std::strerror(code),
                   code == EACCES ? " (chmod +x makes a file a command)" : "");
}

} // namespace

Error execute(const std::vector<std::string> &words, const Environment &environment)
{
    std::vector<char *> arguments;
    for (const std::string &word : words)
        arguments.push_back(const_cast<char *>(word.c_str()));
    arguments.push_back(nullptr);
    for (const auto &[name, value] : environment)
        value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
    release_interruptions();
    if (interrupted())
        return failure(EINTR, "interrupted");
    execvp(arguments.front(), arguments.data());
    return not_executed(words.front(), errno);
}

} // namespace ipc
