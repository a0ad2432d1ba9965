/* SPDX-License-Identifier: MIT */
/*
 * words HOW NAME [A] [B] - threads and robust mutexes in POSIX shared memory, as programs have them.
 *
 * init NAME         make two robust mutexes, at the bytes 64 and 128 of a page
 * lock NAME A B     lock that at byte A, print "ready", lock that at byte B when a line comes
 * cycle NAME A      print "ready" with a list of robust mutexes that says A is locked, over and over
 * wild NAME A       the same with lists that lead nowhere, in three threads
 * sleep NAME A      print "ready", sleep at the word at byte A
 * sleepv NAME A     the same by futex_waitv(2); 77 where there is none
 * file NAME A B     lock byte A of a file by fcntl(2), print "ready", wait for that of byte B when a line comes
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct waited_word {
    uint64_t value, address;
    uint32_t flags, reserved;
};

static char *map(const char *name)
{
    int fd = shm_open(name, O_RDWR, 0);
    return fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void ready(void)
{
    puts("ready");
    fflush(stdout);
}

static void init(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
}

/* A word that says this thread has it, in the list once, twice, for ever. */
static void claim(uint32_t *word, struct robust_list_head *head, struct robust_list *entry, struct robust_list *next)
{
    *word = (uint32_t)syscall(SYS_gettid);
    head->futex_offset = (long)((uintptr_t)word - (uintptr_t)entry);
    head->list.next = entry;
    head->list_op_pending = entry;
    entry->next = next;
    syscall(SYS_set_robust_list, head, sizeof *head);
}

static void *go_wild(void *raw)
{
    static int count = 0;
    static const uintptr_t nowhere[] = {1, UINTPTR_MAX - 7, 0x10000};
    struct robust_list_head head = {.list = {0}};
    head.futex_offset = (long)UINTPTR_MAX / 2;
    head.list.next = (struct robust_list *)nowhere[__atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST) % 3];
    head.list_op_pending = raw;
    syscall(SYS_set_robust_list, &head, sizeof head);
    for (;;)
        pause();
    return NULL;
}

static int lock_bytes(const char *name, const char *first, const char *second)
{
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = atol(first), .l_len = 1};
    if (fd < 0 || fcntl(fd, F_SETLK, &range) != 0)
        return 1;
    ready();
    getchar();
    range.l_start = atol(second);
    return fcntl(fd, F_SETLKW, &range) == 0 ? 0 : 1;
}

int main(int count, char **words)
{
    static struct robust_list_head head;
    static struct robust_list entry;
    if (count < 3)
        return 64;
    const char *how = words[1];
    if (strcmp(how, "file") == 0)
        return lock_bytes(words[2], words[3], words[4]);
    char *memory = map(words[2]);
    if (memory == MAP_FAILED)
        return 1;
    uint32_t *word = (uint32_t *)(memory + (count > 3 ? atol(words[3]) : 0));
    if (strcmp(how, "init") == 0) {
        init((pthread_mutex_t *)(memory + 64));
        init((pthread_mutex_t *)(memory + 128));
        return 0;
    }
    if (strcmp(how, "lock") == 0) {
        if (pthread_mutex_lock((pthread_mutex_t *)word) != 0)
            return 1;
        ready();
        getchar();
        return pthread_mutex_lock((pthread_mutex_t *)(memory + atol(words[4])));
    }
    if (strcmp(how, "cycle") == 0)
        claim(word, &head, &entry, &entry);
    if (strcmp(how, "wild") == 0)
        for (int i = 0; i < 3; i++)
            pthread_create(&(pthread_t){0}, NULL, go_wild, word);
    ready();
    if (strcmp(how, "sleep") == 0)
        syscall(SYS_futex, word, FUTEX_WAIT, *word, NULL, NULL, 0);
    if (strcmp(how, "sleepv") == 0) {
        struct waited_word waited = {.value = *word, .address = (uintptr_t)word, .flags = FUTEX_32, .reserved = 0};
        if (syscall(449, &waited, 1, 0, NULL, 0) != 0 && errno == ENOSYS)
            return 77;
    }
    for (;;)
        pause();
}
