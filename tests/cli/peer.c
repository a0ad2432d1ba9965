/* SPDX-License-Identifier: MIT */
/*
 * The other side of a Unix socket, as any program would be it. bash and the packages that tests may use have none.
 *
 *     peer send TYPE NAME       connect and pass on standard input: a stream as it is, else each line as one record
 *     peer receive NAME         accept one connection and print what comes, to the end
 *     peer busy NAME            listen, accept nobody, say "ready" and sleep
 */
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

static void copy(int from, int to)
{
    char bytes[65536];
    ssize_t count;
    while ((count = read(from, bytes, sizeof bytes)) > 0)
        must("write", write(to, bytes, (size_t)count));
}

static void send_all(const char *type, const char *name)
{
    struct sockaddr_un address;
    socklen_t length = name_of(&address, name);
    int number = !strcmp(type, "stream") ? SOCK_STREAM : !strcmp(type, "dgram") ? SOCK_DGRAM : SOCK_SEQPACKET;
    int end = must("socket", socket(AF_UNIX, number, 0));
    must(name, connect(end, (struct sockaddr *)&address, length));
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
        puts("ready");
        fflush(stdout);
        pause();
    } else {
        fputs("usage: peer send TYPE NAME | receive NAME | busy NAME\n", stderr);
        return 64;
    }
    return 0;
}
