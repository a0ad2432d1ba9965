// SPDX-License-Identifier: MIT
// crowd COUNT MAPPINGS HOLDERS OBJECT COMMAND...: run COMMAND while COUNT processes exist that have MAPPINGS mappings
// each; HOLDERS of them have one more, shared, of the file OBJECT, or hold K memfds of their own, one page each, if it
// is memfd:K. Ends with the command's status; the processes end with this one.
#include "refuse.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

namespace {

long mappings_of_this_process()
{
    FILE *maps = std::fopen("/proc/self/maps", "re");
    if (!maps)
        refuse("/proc/self/maps: %s", std::strerror(errno));
    long lines = 0;
    for (int character; (character = std::fgetc(maps)) != EOF;)
        lines += character == '\n';
    std::fclose(maps);
    return lines;
}

/// As a process with many libraries has them: four of five are of a file, and have its name in maps. No two are joined,
/// since their protection or their offset does not go on.
void map_until(long wanted)
{
    int file = must("/proc/self/exe", open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    for (int i = 0; mappings_of_this_process() < wanted; i++) {
        int protection = i % 2 ? PROT_READ : PROT_READ | PROT_WRITE;
        if (i % 5)
            must("mmap", mmap(nullptr, 4096, protection, MAP_PRIVATE, file, 0));
        else
            must("mmap", mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    }
    close(file);
}

void map_object(const char *path)
{
    int fd = must(path, open(path, O_RDWR | O_CLOEXEC));
    must(path, mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
}

void hold_memfds(long wanted)
{
    for (long i = 0; i < wanted; i++)
        must("ftruncate", ftruncate(must("memfd_create", memfd_create("crowd", MFD_CLOEXEC)), 4096));
}

void hold(const char *object)
{
    constexpr char memfds[] = "memfd:";
    if (std::strncmp(object, memfds, sizeof memfds - 1) == 0)
        hold_memfds(number(object + sizeof memfds - 1));
    else
        map_object(object);
}

/// Holds `object` unless it is null.
pid_t sleeping_child(const char *object, int ready)
{
    pid_t parent = getpid();
    pid_t child = must("fork", fork());
    if (child)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (object)
        hold(object);
    must("write", write(ready, "", 1));
    while (getppid() == parent)
        pause();
    _exit(0);
}

int run(char **command)
{
    pid_t child = must("fork", fork());
    if (!child) {
        execvp(command[0], command);
        refuse("%s: %s", command[0], std::strerror(errno));
    }
    int status = 0;
    must("waitpid", waitpid(child, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

int main(int count, char **words)
{
    if (count < 6)
        refuse("usage: crowd COUNT MAPPINGS HOLDERS OBJECT COMMAND...");
    std::vector<pid_t> children(static_cast<std::size_t>(number(words[1])));
    const long holders = number(words[3]);
    int ready[2];
    must("pipe", pipe2(ready, O_CLOEXEC));
    map_until(number(words[2]));
    for (std::size_t i = 0; i < children.size(); i++)
        children[i] = sleeping_child(static_cast<long>(i) < holders ? words[4] : nullptr, ready[1]);
    close(ready[1]);
    char byte;
    for (std::size_t i = 0; i < children.size(); i++)
        if (must("read", read(ready[0], &byte, 1)) != 1)
            refuse("a process ended early");
    const int status = run(words + 5);
    for (pid_t child : children)
        kill(child, SIGKILL);
    for (pid_t child : children)
        waitpid(child, nullptr, 0);
    return status;
}
