/* SPDX-License-Identifier: MIT */
/*
 * seqlock hammer MECHANISM NAME u32|u64   write for ever, as the convention of sequence words wants it
 * seqlock stall MECHANISM NAME u32|u64    do half of a write, print "ready", do the other half at the end of the input
 * seqlock check BYTES u32|u64             count the snapshots of BYTES on the input; status 1 if one is torn
 *
 * The sequence word is the first of the segment. Write number n leaves n in each other word and 2n in this one.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct memory {
    void *start;
    size_t words;
    int wide;
};

static void *map_descriptor(int fd, size_t *bytes)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return NULL;
    *bytes = (size_t)status.st_size;
    void *start = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return start == MAP_FAILED ? NULL : start;
}

static void *attach(const char *key, size_t *bytes)
{
    const int id = shmget((key_t)strtoll(key, NULL, 0), 0, 0);
    struct shmid_ds status;
    if (id < 0 || shmctl(id, IPC_STAT, &status) != 0)
        return NULL;
    *bytes = status.shm_segsz;
    void *start = shmat(id, NULL, 0);
    return start == (void *)-1 ? NULL : start;
}

static void *map(const char *mechanism, const char *name, size_t *bytes)
{
    if (strcmp(mechanism, "posix-shm") == 0)
        return map_descriptor(shm_open(name, O_RDWR, 0), bytes);
    if (strcmp(mechanism, "sysv-shm") == 0)
        return attach(name, bytes);
    return map_descriptor(open(name, O_RDWR), bytes);
}

static void put(const struct memory *memory, size_t word, uint64_t value)
{
    if (memory->wide)
        atomic_store_explicit((_Atomic uint64_t *)memory->start + word, value, memory_order_relaxed);
    else
        atomic_store_explicit((_Atomic uint32_t *)memory->start + word, (uint32_t)value, memory_order_relaxed);
}

static void put_range(const struct memory *memory, size_t first, size_t end, uint64_t value)
{
    for (size_t word = first; word < end; word++)
        put(memory, word, value);
}

static void begin(const struct memory *memory, uint64_t number)
{
    put(memory, 0, 2 * number - 1);
    atomic_thread_fence(memory_order_seq_cst);
}

static void end(const struct memory *memory, uint64_t number)
{
    atomic_thread_fence(memory_order_seq_cst);
    put(memory, 0, 2 * number);
}

static void hammer(const struct memory *memory)
{
    for (uint64_t number = 1;; number++) {
        begin(memory, number);
        put_range(memory, 1, memory->words, number);
        end(memory, number);
        usleep(1); /* a writer that never rests starves its readers */
    }
}

static void stall(const struct memory *memory)
{
    begin(memory, 1);
    put_range(memory, 1, memory->words / 2, 1);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    put_range(memory, memory->words / 2, memory->words, 1);
    end(memory, 1);
}

static uint64_t word_at(const char *bytes, size_t word, int wide)
{
    uint32_t narrow = 0;
    uint64_t value = 0;
    if (wide)
        memcpy(&value, bytes + 8 * word, sizeof value);
    else
        memcpy(&narrow, bytes + 4 * word, sizeof narrow);
    return wide ? value : narrow;
}

static int is_whole(const char *bytes, size_t words, int wide)
{
    const uint64_t sequence = word_at(bytes, 0, wide);
    for (size_t word = 1; word < words; word++)
        if (sequence % 2 != 0 || word_at(bytes, word, wide) != sequence / 2)
            return 0;
    return 1;
}

/* What a reader that was stopped wrote last may be incomplete. */
static int check(size_t bytes, int wide)
{
    char *snapshot = malloc(bytes);
    int count = 0, torn = !snapshot;
    while (!torn && fread(snapshot, 1, bytes, stdin) == bytes) {
        torn = !is_whole(snapshot, bytes / (wide ? 8 : 4), wide);
        count += !torn;
    }
    free(snapshot);
    printf(torn ? "snapshot %d is torn\n" : "%d\n", count);
    return torn;
}

int main(int count, char **words)
{
    if (count < 4)
        return 64;
    struct memory memory = {NULL, 0, strcmp(words[count - 1], "u64") == 0};
    if (strcmp(words[1], "check") == 0)
        return check((size_t)atoll(words[2]), memory.wide);
    size_t bytes = 0;
    memory.start = map(words[2], words[3], &bytes);
    if (!memory.start) {
        perror(words[3]);
        return 1;
    }
    memory.words = bytes / (memory.wide ? 8 : 4);
    if (strcmp(words[1], "hammer") == 0)
        hammer(&memory);
    stall(&memory);
    return 0;
}
