/* Pairs of connected sockets for the C tests, and what is done to them. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

static inline void unblock(int fd) { CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0); }

static inline void open_pair(int pair[2]) {
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    unblock(pair[0]);
    unblock(pair[1]);
}

/* A TCP connection over the loopback. */
static inline void open_tcp(int pair[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(pair[0], (struct sockaddr *)&address, size) == 0);
    pair[1] = accept(listener, NULL, NULL);
    CHECK(pair[1] >= 0);
    close(listener);
}

static inline void close_pair(int pair[2]) {
    close(pair[0]);
    close(pair[1]);
}

static inline void send_byte(int fd) { CHECK_EQ(write(fd, "x", 1), 1); }

static inline void fill(int fd) {
    char bytes[4096] = {0};
    while (write(fd, bytes, sizeof bytes) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
}

static inline void drain(int fd) {
    char bytes[4096];
    while (read(fd, bytes, sizeof bytes) > 0)
        ;
}

#endif
