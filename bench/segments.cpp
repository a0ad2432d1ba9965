// SPDX-License-Identifier: MIT
// segments COUNT: create so many System V segments of one page each. They go with the IPC namespace.
#include "refuse.hpp"

#include <sys/ipc.h>
#include <sys/shm.h>

int main(int count, char **words)
{
    long wanted = count == 2 ? number(words[1]) : 0;
    if (!wanted)
        refuse("usage: segments COUNT");
    for (key_t key = 1; key <= wanted; key++)
        must("shmget", shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600));
    return 0;
}
