// SPDX-License-Identifier: MIT
#include "execution.hpp"

#include "interruption.hpp"
#include "printable.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

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

/// As execvp(3) wants them. Borrows from `words`.
std::vector<char *> arguments_of(const std::vector<std::string> &words)
{
    std::vector<char *> arguments;
    arguments.reserve(words.size() + 1);
    for (const std::string &word : words)
        arguments.push_back(const_cast<char *>(word.c_str()));
    arguments.push_back(nullptr);
    return arguments;
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
    return execute(arguments_of(words));
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
    const std::vector<char *> arguments = arguments_of(words);
    const pid_t parent = getpid();
    std::optional<Error> error;
    // No copy of this process is made, which would be a good part of what a short command costs.
    const pid_t child = interrupted() ? -1 : vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork)
    if (child == 0)
        become(arguments, prepare, parent, before, error);
    if (child < 0) {
        const int code = errno;
        before.restore();
        return interrupted() ? failure(EINTR, "interrupted") : Error::system("starting the command", code);
    }
    const int status = wait_for(child, signals);
    before.restore();
    if (error)
        return *error;
    return status;
}

} // namespace ipc
