/* SPDX-License-Identifier: MIT */
/*
 * bare_locks MECHANISM free|contended ROUNDS - lock and unlock as a program does that calls the system itself, with
 * nothing around it, so that its system calls can be counted.
 *
 * contended: in each round another process sleeps until the lock is given back. MECHANISM is posix-sem, sysv-sem,
 * mutex, flock or ofd. Nothing that it makes has a name.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shared {
    sem_t semaphore;
    pthread_mutex_t mutex;
};

static struct shared *shared;
static int set;
static int file;

static void must(int done)
{
    if (!done) {
        perror("bare_locks");
        exit(1);
    }
}

static void change_set(short by)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = by, .sem_flg = SEM_UNDO};
    must(semop(set, &operation, 1) == 0);
}

static void change_record(short type)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
    must(fcntl(file, F_OFD_SETLKW, &whole) == 0);
}

static void lock_semaphore(void) { must(sem_wait(&shared->semaphore) == 0); }
static void unlock_semaphore(void) { must(sem_post(&shared->semaphore) == 0); }
static void lock_set(void) { change_set(-1); }
static void unlock_set(void) { change_set(1); }
static void lock_mutex(void) { must(pthread_mutex_lock(&shared->mutex) == 0); }
static void unlock_mutex(void) { must(pthread_mutex_unlock(&shared->mutex) == 0); }
static void lock_file(void) { must(flock(file, LOCK_EX) == 0); }
static void unlock_file(void) { must(flock(file, LOCK_UN) == 0); }
static void lock_record(void) { change_record(F_WRLCK); }
static void unlock_record(void) { change_record(F_UNLCK); }

static const struct mechanism {
    const char *name;
    void (*lock)(void);
    void (*unlock)(void);
} mechanisms[] = {
    {"posix-sem", lock_semaphore, unlock_semaphore},
    {"sysv-sem", lock_set, unlock_set},
    {"mutex", lock_mutex, unlock_mutex},
    {"flock", lock_file, unlock_file},
    {"ofd", lock_record, unlock_record},
};

static void make_all(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared != MAP_FAILED);
    must(sem_init(&shared->semaphore, 1, 1) == 0);
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    must(pthread_mutex_init(&shared->mutex, &kind) == 0);
    set = semget(IPC_PRIVATE, 1, 0600);
    must(set >= 0);
    change_set(1);
    file = memfd_create("bare_locks", MFD_CLOEXEC);
    must(file >= 0);
}

static int sleeps(pid_t process)
{
    char name[64], text[512];
    snprintf(name, sizeof name, "/proc/%d/stat", (int)process);
    int stat = open(name, O_RDONLY);
    ssize_t length = read(stat, text, sizeof text - 1);
    close(stat);
    text[length > 0 ? length : 0] = '\0';
    const char *end = strrchr(text, ')');
    return end && end[1] == ' ' && end[2] == 'S';
}

/* The other process waits for the lock before it is given back. A file is opened anew: what is inherited is shared. */
static void contend(const struct mechanism *mechanism)
{
    mechanism->lock();
    pid_t other = fork();
    must(other >= 0);
    if (other == 0) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        file = open(path, O_RDWR);
        mechanism->lock();
        mechanism->unlock();
        _exit(0);
    }
    while (!sleeps(other))
        usleep(200);
    mechanism->unlock();
    int status = 1;
    must(waitpid(other, &status, 0) == other && status == 0);
}

int main(int count, char **words)
{
    const struct mechanism *mechanism = NULL;
    for (size_t i = 0; count == 4 && i < sizeof mechanisms / sizeof *mechanisms; i++)
        if (strcmp(mechanisms[i].name, words[1]) == 0)
            mechanism = &mechanisms[i];
    if (!mechanism) {
        fprintf(stderr, "usage: bare_locks MECHANISM free|contended ROUNDS\n");
        return 64;
    }
    make_all();
    for (long rounds = atol(words[3]); rounds > 0; rounds--) {
        if (strcmp(words[2], "contended") == 0) {
            contend(mechanism);
            continue;
        }
        mechanism->lock();
        mechanism->unlock();
    }
    semctl(set, 0, IPC_RMID);
    return 0;
}
