// SPDX-License-Identifier: MIT
#include "execution.hpp"

#include "inherited_signals.hpp"
#include "interruption.hpp"
#include "printable.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
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

Error execute(const std::vector<char *> &arguments)
{
    release_interruptions();
    if (interrupted())
        return failure(EINTR, "interrupted");
    execvp(arguments.front(), arguments.data());
    return not_executed(arguments.front(), errno);
}

} // namespace

Error execute(const std::vector<std::string> &words, const Environment &environment)
{
    set_environment(environment);
    return execute(pointers(words));
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

namespace {

/// How this process was to be told of signals before it waited for a child.
struct Signals {
    sigset_t mask;
    struct sigaction on_child; // ignored, the kernel would keep no status

    void restore() const
    {
        sigaction(SIGCHLD, &on_child, nullptr);
        sigprocmask(SIG_SETMASK, &mask, nullptr);
    }
};

/// What somebody may send to this process and mean the command.
sigset_t forwarded_signals()
{
    sigset_t signals;
    sigemptyset(&signals);
    for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGCHLD})
        sigaddset(&signals, signal);
    return signals;
}

/// In the child, which has the parent's memory until it becomes the program or ends: what it allocates stays.
[[noreturn]] void become(const std::vector<char *> &arguments, const std::function<Result<void>()> &prepare,
                         pid_t parent, const Signals &before, std::optional<Error> &error)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) // it has ended already
        _exit(status::failed);
    if (const Result<void> prepared = prepare(); !prepared) {
        error = prepared.error();
    } else {
        before.restore();
        error = execute(arguments);
    }
    _exit(exit_status(*error)); // which tells where vfork() is no more than fork(), as under valgrind
}

int status_of(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/// Until the child has ended.
int wait_for(pid_t child, const sigset_t &signals)
{
    for (;;) {
        int wait_status;
        const pid_t ended = waitpid(child, &wait_status, WNOHANG);
        if (ended == child)
            return status_of(wait_status);
        siginfo_t info;
        const int signal = sigwaitinfo(&signals, &info);
        if (signal > 0 && signal != SIGCHLD && info.si_code <= 0)
            kill(child, signal);
    }
}

} // namespace

Result<int> run_child(const std::vector<std::string> &words, const Environment &environment,
                      const std::function<Result<void>()> &prepare)
{
    // Taken from a queue from now on, so that none is missed; those that came before are interrupted()'s.
    const sigset_t signals = forwarded_signals();
    Signals before;
    sigprocmask(SIG_BLOCK, &signals, &before.mask);
    struct sigaction keep_status = {};
    keep_status.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &keep_status, &before.on_child);
    set_environment(environment);
    const std::vector<char *> arguments = pointers(words);
    const pid_t parent = getpid();
    std::optional<Error> error;
    // No copy of this process is made, which would be a good part of what a short command costs.
    const pid_t child = interrupted() ? -1 : vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork)
    if (child == 0)
        become(arguments, prepare, parent, before, error);
    if (child < 0) {
        const int code = errno;
        before.restore();
        return interrupted() ? failure(EINTR, "interrupted") : not_started(words.front(), code);
    }
    const int status = wait_for(child, signals);
    before.restore();
    if (error)
        return *error;
    return status;
}

} // namespace ipc
