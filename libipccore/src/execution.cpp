// SPDX-License-Identifier: MIT
#include "execution.hpp"

#include "inherited_signals.hpp"
#include "interruption.hpp"
#include "printable.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace ipc {
namespace {

Error not_executed(std::string_view program, int code)
{
    const std::string shown = printable(program);
    if (code == ENOENT && program.find('/') == program.npos)
        return failure(code_for(status::not_found), "{}: there is no such command in PATH (give its path)", shown);
    if (code == ENOENT)
        return failure(code_for(status::not_found), "{}: there is no such command, or none to interpret it", shown);
    return failure(code_for(status::not_executable), "{}: it cannot be executed: {}{}", shown, std::strerror(code),
                   code == EACCES ? " (chmod +x makes a file a command)" : "");
}

/// 0, or why it cannot be executed.
int obstacle(const std::string &path)
{
    struct stat status;
    if (::stat(path.c_str(), &status) < 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return EACCES;
    return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/// The environment of a child: this process's own but for what is given.
class ChildEnvironment {
public:
    explicit ChildEnvironment(const Environment &given)
    {
        for (char **variable = environ; *variable; ++variable)
            if (std::string_view text = *variable; !replaced(given, text.substr(0, text.find('='))))
                variables_.push_back(*variable);
        texts_.reserve(given.size());
        for (const auto &[name, value] : given)
            if (value)
                variables_.push_back(texts_.emplace_back(name + '=' + *value).data());
        variables_.push_back(nullptr);
    }
    char **get() { return variables_.data(); }

private:
    static bool replaced(const Environment &given, std::string_view name)
    {
        return std::ranges::any_of(given, [&](const auto &variable) { return variable.first == name; });
    }
    std::vector<std::string> texts_;
    std::vector<char *> variables_;
};

/// Start it in a process group of its own, as posix_spawn(3) would, which has no way to ignore a signal. 0 or an errno
/// value.
int spawn(pid_t &process, const char *path, char **words, char **environment, int input)
{
    volatile int code = 0; // in memory that the child shares
    const HeldSignals held;
    const pid_t child = vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork)
    if (child == 0) {
        if (setpgid(0, 0) == 0 && dup2(input, STDIN_FILENO) >= 0) {
            restore_signals();
            execve(path, words, environment);
        }
        code = errno;
        _exit(status::not_executable);
    }
    if (child < 0)
        return errno;
    process = child;
    if (code)
        while (waitpid(child, nullptr, 0) < 0 && errno == EINTR)
            ;
    return code;
}

/// As execvp(3) wants them. Borrows from `words`.
std::vector<char *> pointers(const std::vector<std::string> &words)
{
    std::vector<char *> pointers;
    pointers.reserve(words.size() + 3);
    for (const std::string &word : words)
        pointers.push_back(const_cast<char *>(word.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

Error not_started(const std::string &program, int code)
{
    switch (code) {
    case E2BIG:
        return failure(code, "its arguments are longer than the system passes to a command");
    case EAGAIN:
    case ENOMEM:
        return failure(ENOMEM, "{}: no process can be started: {} (raise RLIMIT_NPROC: ulimit -u)", printable(program),
                       std::strerror(code));
    default:
        return not_executed(program, code);
    }
}

void set_environment(const Environment &environment)
{
    for (const auto &[name, value] : environment)
        value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
}

} // namespace

Error execute(const std::vector<std::string> &words, const Environment &environment)
{
    set_environment(environment);
    const std::vector<char *> arguments = pointers(words);
    release_interruptions();
    if (interrupted())
        return failure(EINTR, "interrupted");
    execvp(arguments.front(), arguments.data());
    return not_executed(arguments.front(), errno);
}

Result<Executable> Executable::find(const std::string &word)
{
    if (word.empty() || word.find('/') != word.npos) {
        const int code = obstacle(word);
        return code ? Result<Executable>(not_executed(word, code)) : Executable(word);
    }
    const char *path = std::getenv("PATH");
    std::string_view directories = path ? path : "/bin:/usr/bin";
    int worst = ENOENT;
    for (bool more = true; more;) {
        const std::size_t colon = directories.find(':');
        const std::string_view directory = directories.substr(0, colon);
        std::string candidate = fmt::format("{}{}{}", directory, directory.empty() ? "./" : "/", word);
        const int code = obstacle(candidate);
        if (!code)
            return Executable(std::move(candidate));
        if (code == EACCES)
            worst = code;
        more = colon != directories.npos;
        directories.remove_prefix(more ? colon + 1 : 0);
    }
    return not_executed(word, worst);
}

Result<pid_t> Executable::start(const std::vector<std::string> &words, const Environment &environment, int input) const
{
    ChildEnvironment variables(environment);
    std::vector<char *> arguments = pointers(words);
    pid_t process = 0;
    int code = spawn(process, path_.c_str(), arguments.data(), variables.get(), input);
    if (code == ENOEXEC) { // a script that does not say by what it is to be read
        static char shell[] = "/bin/sh";
        arguments.front() = const_cast<char *>(path_.c_str());
        arguments.insert(arguments.begin(), shell);
        code = spawn(process, shell, arguments.data(), variables.get(), input);
    }
    if (code)
        return not_started(words.front(), code);
    return process;
}

} // namespace ipc
