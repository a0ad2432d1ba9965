/* SPDX-License-Identifier: MIT */
/*
 * hold HOW NAME [THREAD] - map or open an object as any program would, print "ready", wait to be ended; with any third
 * word in a second thread, after the first one has ended.
 *
 * HOW is a mechanism. Memory is mapped, and with posix-shm-open or file-open its descriptor is kept too. memfd makes
 * one of 5 bytes, "alive", and keeps it open, memfd-mapped keeps it mapped alone. semaphore makes and opens a named
 * one. mutex locks the pthread_mutex_t at byte 64 of POSIX shared memory. sysv-shm-new makes the segment that it
 * attaches, sysv-shm-left detaches it at once. sysv-sem and sysv-mq use a set or queue once, and have nothing of it
 * then.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int map_descriptor(int fd, int keep)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return -1;
    void *memory = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!keep)
        close(fd);
    return memory == MAP_FAILED ? -1 : 0;
}

static int attach(const char *how, const char *name)
{
    key_t key = (key_t)strtoll(name, NULL, 0);
    int id = strcmp(how, "sysv-shm-new") == 0 ? shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600) : shmget(key, 0, 0);
    void *memory = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
    if (memory == (void *)-1)
        return -1;
    return strcmp(how, "sysv-shm-left") == 0 ? shmdt(memory) : 0;
}

static int use_set(const char *name)
{
    struct sembuf add = {0, 1, 0};
    return semop(semget((key_t)strtoll(name, NULL, 0), 0, 0), &add, 1);
}

static int send_one(const char *name)
{
    struct {
        long type;
        char byte;
    } message = {1, 'x'};
    return msgsnd(msgget((key_t)strtoll(name, NULL, 0), 0), &message, 1, IPC_NOWAIT);
}

static int make_memfd(const char *name, int mapped)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || write(fd, "alive", 5) != 5)
        return -1;
    return mapped ? map_descriptor(fd, 0) : 0;
}

static int lock_mutex(const char *name)
{
    int fd = shm_open(name, O_RDWR, 0);
    char *memory = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -1;
    pthread_mutex_t *mutex = (pthread_mutex_t *)(memory + 64);
    int code = pthread_mutex_lock(mutex);
    if (code == EOWNERDEAD)
        code = pthread_mutex_consistent(mutex);
    return code == 0 ? 0 : -1;
}

static void *wait_for_end(void *nothing)
{
    pause();
    return nothing;
}

int main(int count, char **words)
{
    pthread_t thread;
    if (count < 3)
        return 64;
    int done = -1;
    int keep = strstr(words[1], "-open") != NULL;
    if (strncmp(words[1], "posix-shm", 9) == 0)
        done = map_descriptor(shm_open(words[2], O_RDWR, 0), keep);
    else if (strncmp(words[1], "file", 4) == 0)
        done = map_descriptor(open(words[2], O_RDWR), keep);
    else if (strncmp(words[1], "sysv-shm", 8) == 0)
        done = attach(words[1], words[2]);
    else if (strcmp(words[1], "sysv-sem") == 0)
        done = use_set(words[2]);
    else if (strcmp(words[1], "sysv-mq") == 0)
        done = send_one(words[2]);
    else if (strcmp(words[1], "posix-mq") == 0)
        done = mq_open(words[2], O_RDWR) == (mqd_t)-1 ? -1 : 0;
    else if (strncmp(words[1], "memfd", 5) == 0)
        done = make_memfd(words[2], strcmp(words[1], "memfd-mapped") == 0);
    else if (strcmp(words[1], "semaphore") == 0)
        done = sem_open(words[2], O_CREAT, 0600, 1) == SEM_FAILED ? -1 : 0;
    else if (strcmp(words[1], "mutex") == 0)
        done = lock_mutex(words[2]);
    if (done != 0) {
        perror(words[2]);
        return 1;
    }
    if (count > 3 && pthread_create(&thread, NULL, wait_for_end, NULL) != 0)
        return 1;
    puts("ready");
    fclose(stdout); /* so that it holds nothing but the object: stdout may be a FIFO */
    if (count > 3)
        pthread_exit(NULL);
    pause();
    return 0;
}
