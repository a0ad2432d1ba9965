// SPDX-License-Identifier: MIT
#include "child_process.hpp"

#include "interruption.hpp"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>

namespace ipc {
namespace {

/// Those of setitimer(2) and alarm(2): a new process has none, and what was meant for the program is the child's.
class Timers {
public:
    void stop_here()
    {
        const itimerval never = {};
        for (std::size_t i = 0; i < all.size(); i++)
            setitimer(all[i], &never, &left_[i]);
    }
    void go_on_here() const
    {
        for (std::size_t i = 0; i < all.size(); i++)
            if (left_[i].it_value.tv_sec || left_[i].it_value.tv_usec)
                setitimer(all[i], &left_[i], nullptr);
    }

private:
    static constexpr std::array all = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
    std::array<itimerval, all.size()> left_ = {};
};

/// What the child does in this process's memory: what it allocates there stays.
struct Start {
    const std::vector<std::string> &words;
    const Environment &environment;
    const std::function<Result<void>()> &prepare;
    pid_t parent;
    std::optional<Error> error;
    Timers timers = {};

    int run()
    {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) // it has ended already
            return status::failed;
        if (const Result<void> prepared = prepare(); !prepared) {
            error = prepared.error();
        } else {
            timers.go_on_here();
            error = execute(words, environment);
        }
        return exit_status(*error); // which tells where no memory is shared, as under valgrind
    }
};

/// EAGAIN would say that others have what was asked for.
Error no_process(std::string_view what, int code)
{
    return failure(ENOMEM, "{}: {} (raise RLIMIT_NPROC: ulimit -u)", what, std::strerror(code));
}

/// No copy of this process is made, which would be a good part of what a short command costs.
pid_t clone_sharing_memory(Start &start, int flags, int *handle)
{
    const std::size_t room = (256 << 10) + start.words.size() * sizeof(char *); // execvp(3) may copy the pointers
    const auto stack = std::make_unique_for_overwrite<char[]>(room);
    const auto run = [](void *context) { return static_cast<Start *>(context)->run(); };
    const auto top = reinterpret_cast<std::uintptr_t>(stack.get() + room) / 16 * 16;
    return clone(run, reinterpret_cast<void *>(top), CLONE_VM | CLONE_VFORK | SIGCHLD | flags, &start, handle);
}

/// The second process: until the process of that pidfd has ended. It has this process's memory and no thread data of
/// its own, so it does nothing but system calls.
[[gnu::no_sanitize("address", "undefined")]] int keep_until_ended(void *handle)
{
    syscall(SYS_prctl, PR_SET_NAME, "ipc-keeper", 0, 0, 0);
    pollfd end = {static_cast<int>(reinterpret_cast<std::intptr_t>(handle)), POLLIN, 0};
    while (syscall(SYS_ppoll, &end, 1, nullptr, nullptr, 0) == 0)
        ;
    return 0;
}

/// Did another process send it? The kernel's own, of the terminal or of a timer, are not meant for the child alone.
bool is_sent(const siginfo_t &info)
{
    return info.si_code == SI_USER || info.si_code == SI_QUEUE || info.si_code == SI_TKILL;
}

void forward(pid_t child, const siginfo_t &info)
{
    if (info.si_code == SI_QUEUE)
        sigqueue(child, info.si_signo, info.si_value);
    else
        kill(child, info.si_signo);
}

/// What the signal would do if it were not held.
void stop_by(int signal)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    raise(signal);
    sigprocmask(SIG_UNBLOCK, &one, nullptr);
    sigprocmask(SIG_BLOCK, &one, nullptr);
}

void take(const siginfo_t &info, pid_t child)
{
    if (is_sent(info))
        forward(child, info);
    if (info.si_signo == SIGTSTP || info.si_signo == SIGTTIN || info.si_signo == SIGTTOU)
        stop_by(info.si_signo);
}

ChildEnd end_of(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return {128 + WTERMSIG(wait_status), WTERMSIG(wait_status)};
    return {WEXITSTATUS(wait_status), 0};
}

/// Whoever returns from waiting may unlock, so that the child has ended in every case.
Error lost_status(pid_t child, int code)
{
    const Fd handle(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    pollfd end = {handle.get(), POLLIN, 0};
    while (handle && poll(&end, 1, -1) <= 0)
        ;
    return failure(code, "the status of the command is lost: {}", std::strerror(code));
}

/// Until it has ended. Signals come out of a queue, so that none is missed.
Result<ChildEnd> wait_for(pid_t child, const sigset_t &signals)
{
    for (;;) {
        int wait_status;
        const pid_t ended = waitpid(child, &wait_status, WNOHANG);
        if (ended == child)
            return end_of(wait_status);
        if (ended < 0 && errno != EINTR)
            return lost_status(child, errno);
        siginfo_t info;
        if (ended == 0 && sigwaitinfo(&signals, &info) > 0)
            take(info, child);
    }
}

} // namespace

Result<void> ChildProcess::start(const std::vector<std::string> &words, const Environment &environment,
                                 const std::function<Result<void>()> &prepare, Keep keep)
{
    if (interrupted())
        return failure(EINTR, "interrupted");
    struct sigaction keep_status = {}; // ignored, the kernel would keep none
    keep_status.sa_handler = SIG_DFL;
    change_signal(SIGCHLD, keep_status);
    Start start{words, environment, prepare, getpid(), {}};
    start.timers.stop_here();
    int handle = -1;
    child_ = clone_sharing_memory(start, keep == Keep::resources ? CLONE_SYSVSEM | CLONE_PIDFD : 0, &handle);
    handle_ = Fd(handle);
    if (child_ < 0)
        return no_process("no process can be started", errno);
    if (start.error) {
        (void)wait();
        return *start.error;
    }
    if (keep == Keep::resources)
        return start_keeper();
    return {};
}

Result<void> ChildProcess::start_keeper()
{
    alignas(16) static char stack[16 << 10];
    void *argument = reinterpret_cast<void *>(static_cast<std::intptr_t>(handle_.get()));
    keeper_ = clone(keep_until_ended, stack + sizeof stack, CLONE_VM | CLONE_FILES | CLONE_SYSVSEM, argument);
    if (keeper_ > 0)
        return {};
    const int code = errno;
    kill(child_, SIGKILL);
    (void)wait();
    return no_process("no second process can be started to keep the lock", code);
}

Result<ChildEnd> ChildProcess::wait()
{
    sigset_t all, held;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &held);
    const Result<ChildEnd> end = wait_for(child_, all);
    sigprocmask(SIG_SETMASK, &held, nullptr);
    return end;
}

ChildProcess::~ChildProcess()
{
    while (keeper_ > 0 && waitpid(keeper_, nullptr, __WALL) < 0 && errno == EINTR)
        ;
}

} // namespace ipc
