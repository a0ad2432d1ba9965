/* SPDX-License-Identifier: MIT */
/*
 * The other side of a Unix socket, as any program would be it. bash and the packages that tests may use have none.
 *
 *     peer send TYPE NAME       connect and pass on standard input: a stream as it is, else each line as one record
 *     peer receive NAME         accept one connection and print what comes, to the end
 *     peer busy NAME            listen, accept nobody, say "ready" and sleep
 *     peer crowd NAME COUNT     connect so often, send the beginning of a record on each, say "ready" and sleep
 *     peer flood NAME           send a record that never ends, to whoever listens
 *     peer pass NAME COUNT      send so many datagrams with a descriptor each
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int must(const char *what, long answer)
{
    if (answer < 0) {
        perror(what);
        exit(1);
    }
    return (int)answer;
}

static socklen_t name_of(struct sockaddr_un *address, const char *name)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    strncpy(address->sun_path, name, sizeof address->sun_path - 1);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + (name[0] != '@'));
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    return length;
}

static int listening(const char *name)
{
    struct sockaddr_un address;
    socklen_t length = name_of(&address, name);
    int end = must("socket", socket(AF_UNIX, SOCK_STREAM, 0));
    must(name, bind(end, (struct sockaddr *)&address, length));
    must(name, listen(end, 0));
    return end;
}

static int connected(int type, const char *name)
{
    struct sockaddr_un address;
    socklen_t length = name_of(&address, name);
    int end = must("socket", socket(AF_UNIX, type, 0));
    must(name, connect(end, (struct sockaddr *)&address, length));
    return end;
}

static void say_ready_and_sleep(void)
{
    puts("ready");
    fflush(stdout);
    pause();
}

static void crowd(const char *name, int count)
{
    struct rlimit files;
    must("getrlimit", getrlimit(RLIMIT_NOFILE, &files));
    files.rlim_cur = files.rlim_max;
    must("setrlimit", setrlimit(RLIMIT_NOFILE, &files));
    while (count-- > 0)
        must("write", write(connected(SOCK_STREAM, name), "half", 4));
    say_ready_and_sleep();
}

static void flood(const char *name)
{
    static char bytes[65536];
    struct sockaddr_un address;
    socklen_t length = name_of(&address, name);
    memset(bytes, 'x', sizeof bytes);
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int end = must("socket", socket(AF_UNIX, SOCK_STREAM, 0));
        if (connect(end, (struct sockaddr *)&address, length) == 0)
            while (write(end, bytes, sizeof bytes) > 0) {
            }
        else
            usleep(1000);
        close(end);
    }
}

static void pass(const char *name, int count)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    const int passed = STDIN_FILENO;
    memcpy(CMSG_DATA(&control.header), &passed, sizeof passed);
    struct iovec text = {"passed", 6};
    struct msghdr message = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int end = connected(SOCK_DGRAM, name);
    while (count-- > 0)
        must("sendmsg", sendmsg(end, &message, 0));
}

static void copy(int from, int to)
{
    char bytes[65536];
    ssize_t count;
    while ((count = read(from, bytes, sizeof bytes)) > 0)
        must("write", write(to, bytes, (size_t)count));
}

static void send_all(const char *type, const char *name)
{
    int number = !strcmp(type, "stream") ? SOCK_STREAM : !strcmp(type, "dgram") ? SOCK_DGRAM : SOCK_SEQPACKET;
    int end = connected(number, name);
    if (number == SOCK_STREAM) {
        copy(STDIN_FILENO, end);
        return;
    }
    char *line = NULL;
    size_t room = 0;
    for (ssize_t count; (count = getline(&line, &room, stdin)) > 0;)
        must("send", send(end, line, (size_t)(count - (line[count - 1] == '\n')), 0));
    free(line);
}

int main(int count, char **words)
{
    if (count == 4 && !strcmp(words[1], "send")) {
        send_all(words[2], words[3]);
    } else if (count == 3 && !strcmp(words[1], "receive")) {
        copy(must("accept", accept(listening(words[2]), NULL, NULL)), STDOUT_FILENO);
    } else if (count == 3 && !strcmp(words[1], "busy")) {
        listening(words[2]);
        say_ready_and_sleep();
    } else if (count == 4 && !strcmp(words[1], "crowd")) {
        crowd(words[2], atoi(words[3]));
    } else if (count == 3 && !strcmp(words[1], "flood")) {
        flood(words[2]);
    } else if (count == 4 && !strcmp(words[1], "pass")) {
        pass(words[2], atoi(words[3]));
    } else {
        fputs("usage: see the top of peer.c\n", stderr);
        return 64;
    }
    return 0;
}
