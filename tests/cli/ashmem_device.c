/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded: a /dev/ashmem for machines without one. Each opening of it gives another area, which the ioctls of
 * <linux/ashmem.h> name and give its size; it is a character device to whoever asks; opened again through /proc it
 * would be the same memory, which the real one is not, so who does that is told of an error.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEVICE "/dev/ashmem"
#define REAL(type, name) (__extension__(type) dlsym(RTLD_NEXT, name))

/* Is this path, through the links of /proc, or this descriptor one of ours? */
static int leads_to_area(const char *path)
{
    char text[64] = "";
    return REAL(ssize_t(*)(const char *, char *, size_t), "readlink")(path, text, sizeof text - 1) > 0 &&
           strncmp(text, "/memfd:ashmem-area", 18) == 0;
}

static int is_area(int fd)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return leads_to_area(path);
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    if (strcmp(path, DEVICE) == 0)
        return memfd_create("ashmem-area", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    if (!(flags & O_PATH) && leads_to_area(path))
        return errno = ENODEV, -1;
    return REAL(int (*)(const char *, int, ...), "open")(path, flags, mode);
}

int stat(const char *path, struct stat *status)
{
    int done =
        REAL(int (*)(const char *, struct stat *), "stat")(strcmp(path, DEVICE) == 0 ? "/dev/null" : path, status);
    return done;
}

int statx(int fd, const char *path, int flags, unsigned mask, struct statx *status)
{
    int done = REAL(int (*)(int, const char *, int, unsigned, struct statx *), "statx")(fd, path, flags, mask, status);
    if (done == 0 && *path == '\0' && is_area(fd))
        status->stx_mode = S_IFCHR | 0666;
    return done;
}

ssize_t readlink(const char *path, char *text, size_t size)
{
    if (leads_to_area(path))
        return (ssize_t)strlen(strncpy(text, DEVICE, size));
    return REAL(ssize_t(*)(const char *, char *, size_t), "readlink")(path, text, size);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (request == _IOW(0x77, 1, char[256]) && is_area(fd))
        return strlen(argument) < 256 ? 0 : (errno = EINVAL, -1);
    if (request == _IOW(0x77, 3, size_t) && is_area(fd))
        return ftruncate(fd, (off_t)argument);
    if (request == _IOR(0x77, 2, char[256]) && is_area(fd))
        return strcpy(argument, "named"), 0;
    return REAL(int (*)(int, unsigned long, ...), "ioctl")(fd, request, argument);
}

long syscall(long number, ...)
{
    long word[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        word[i] = va_arg(rest, long);
    va_end(rest);
    struct stat status;
    if (number == SYS_ioctl && word[1] == _IO(0x77, 4))
        return is_area((int)word[0]) && fstat((int)word[0], &status) == 0 ? status.st_size : (errno = ENOTTY, -1);
    return REAL(long (*)(long, ...), "syscall")(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}
