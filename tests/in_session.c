/* SPDX-License-Identifier: MIT */
/* in_session COMMAND... - where there is no process namespace: run a test in a session of its own, and end with it all
 * that it left behind, in whatever session that is by then. What a test leaves would keep its output open, for which
 * ctest waits. */
#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t ending;

static void end(int signal) { ending = signal; }

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/* The parent, which stands two fields behind a name that may hold anything; 0 if that process is gone. */
static long parent_of(const char *process)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", process);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *behind = strrchr(text, ')');
    return behind && strlen(behind) > 4 ? strtol(behind + 4, NULL, 10) : 0;
}

/* False where /proc is not to be had. Their children become this process's own, which is their reaper. */
static int kill_children(void)
{
    DIR *processes = opendir("/proc");
    if (!processes)
        return 0;
    for (struct dirent *entry; (entry = readdir(processes));)
        if (parent_of(entry->d_name) == getpid())
            kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
    closedir(processes);
    return 1;
}

/* The status of the command, when it has ended or this one is to end. */
static int wait_for(pid_t command)
{
    int status = 0;
    while (!ending) {
        const pid_t ended = wait(&status);
        if (ended == command)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (ended < 0 && errno != EINTR)
            return 1;
    }
    return 128 + ending;
}

int main(int count, char **words)
{
    if (count < 2)
        return 64;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t command = fork();
    if (command == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setsid();
        execvp(words[1], words + 1);
        perror(words[1]);
        _exit(127);
    }
    catch_signals();
    const int status = command < 0 ? 1 : wait_for(command);
    while (kill_children() && (waitpid(-1, NULL, 0) > 0 || errno == EINTR))
        ;
    return status;
}
