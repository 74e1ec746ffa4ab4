/* What blocking sockets do with 1 MiB messages: NAME SECONDS. NAME is messages (TCP) or messages-unix. Prints the messages a second from one process to another. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 1048576 };

static char message[SIZE];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void connect_pair(int pair[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1)) die("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(pair[0], (struct sockaddr *)&address, size)) die("connect");
    if ((pair[1] = accept(listener, NULL, NULL)) < 0) die("accept");
}

static int receive(int fd) {
    ssize_t have = 0, size;
    for (; have < SIZE; have += size)
        if ((size = recv(fd, message + have, SIZE - have, 0)) <= 0) return 0;
    return 1;
}

int main(int count, char **words) {
    int pair[2];
    long messages = 0;
    double start, end;
    pid_t child;
    if (count != 3) return 2;
    if (strcmp(words[1], "messages-unix") == 0) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) die("socketpair");
    } else {
        connect_pair(pair);
    }
    if ((child = fork()) == 0)
        for (;;)
            for (ssize_t sent = 0, size; sent < SIZE; sent += size)
                if ((size = send(pair[0], message + sent, SIZE - sent, MSG_NOSIGNAL)) < 0) exit(0);
    start = now();
    end = start + atof(words[2]);
    while (now() < end) {
        if (!receive(pair[1])) die("recv");
        messages++;
    }
    printf("%f\n", messages / (now() - start));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}
