/* The floor: an epoll server that parses nothing. It sends one canned answer, laid out like Tornado's, for each
 * "\r\n\r\n" it has read, all answers to one read in one send. What no HTTP server on this machine can be faster than.
 * Usage: floor PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 65536, MAX_EVENTS = 1024, READ_SIZE = 65536, BATCH = 64 };

static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\n"
    "Server: floor\r\n"
    "Content-Type: text/html; charset=UTF-8\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    "Etag: \"e02aa1b106d5c7c6a98def2b13005d5b84fd8dc8\"\r\n"
    "Content-Length: 12\r\n"
    "\r\n"
    "Hello, world";

static unsigned char matched[MAX_FDS]; /* how much of "\r\n\r\n" the last read of this descriptor ended with */

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)) die("socket");
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) die("bind");
    if (listen(fd, 4096)) die("listen");
    return fd;
}

static void watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
}

static void accept_all(int epoll, int listener) {
    int fd, on = 1;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        if (fd >= MAX_FDS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        matched[fd] = 0;
        watch(epoll, fd);
    }
}

static int count_heads(int fd, const char *data, ssize_t size) {
    int heads = 0, state = matched[fd];
    for (ssize_t i = 0; i < size; i++) {
        if (data[i] == "\r\n\r\n"[state]) {
            state++;
        } else {
            state = data[i] == '\r';
        }
        if (state == 4) {
            heads++;
            state = 0;
        }
    }
    matched[fd] = state;
    return heads;
}

static void answer(int fd, int heads, const char *answers) {
    while (heads > 0) { /* the socket blocks: a peer that does not read would stop the floor, and wrk reads */
        int batch = heads < BATCH ? heads : BATCH;
        size_t left = batch * (sizeof ANSWER - 1);
        const char *at = answers;
        while (left > 0) {
            ssize_t sent = send(fd, at, left, MSG_NOSIGNAL);
            if (sent < 0) return;
            at += sent;
            left -= sent;
        }
        heads -= batch;
    }
}

int main(int argc, char **argv) {
    static char answers[BATCH * sizeof ANSWER], input[READ_SIZE];
    static struct epoll_event events[MAX_EVENTS];
    int epoll = epoll_create1(0), listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);
    for (int i = 0; i < BATCH; i++) memcpy(answers + i * (sizeof ANSWER - 1), ANSWER, sizeof ANSWER - 1);
    watch(epoll, listener);
    for (;;) {
        int ready = epoll_wait(epoll, events, MAX_EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_all(epoll, listener);
                continue;
            }
            ssize_t size = recv(fd, input, READ_SIZE, MSG_DONTWAIT);
            if (size > 0) {
                answer(fd, count_heads(fd, input, size), answers);
            } else if (size == 0 || errno != EAGAIN) {
                close(fd);
            }
        }
    }
}
