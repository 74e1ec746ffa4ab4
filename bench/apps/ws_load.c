/* The load for WebSocket echo servers: PORT CONNECTIONS SIZE SECONDS [PATH]. Prints the messages a second.
 * Each connection sends a masked binary message of SIZE bytes, waits for its echo, and sends it again. */
#include "load.h"

enum { HEAD_MAX = 14 };

static char *frame, back[1 << 18];
static size_t frame_size, echo_size;
static size_t received[MAX_FDS]; /* bytes of the echo that have come so far */

static void make_frame(size_t size) {
    int extended = size < 126 ? 0 : size < 65536 ? 2 : 8;
    size_t at = 2;
    frame = calloc(1, HEAD_MAX + size);
    frame[0] = (char)0x82;
    frame[1] = (char)(0x80 | (extended == 0 ? size : extended == 2 ? 126 : 127));
    for (int i = extended - 1; i >= 0; i--) frame[at++] = (char)(size >> (8 * i));
    memcpy(frame + at, "\1\2\3\4", 4);
    memset(frame + at + 4, 'x', size);
    frame_size = at + 4 + size;
    echo_size = at + size;
}

static void send_frame(int fd) {
    for (size_t sent = 0; sent < frame_size;) {
        ssize_t size = send(fd, frame + sent, frame_size - sent, MSG_NOSIGNAL);
        if (size < 0) die("send");
        sent += size;
    }
}

static int open_socket(int port, const char *path) {
    int fd = connect_to(port), size;
    size = snprintf(back, sizeof back,
                    "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n", path);
    if (send(fd, back, size, MSG_NOSIGNAL) != size) die("send");
    for (size = 0; size < 4 || memcmp(back + size - 4, "\r\n\r\n", 4); size++)
        if (recv(fd, back + size, 1, 0) != 1) die("handshake");
    if (memcmp(back, "HTTP/1.1 101", 12)) {
        fprintf(stderr, "no WebSocket: %.*s\n", size, back);
        exit(1);
    }
    return fd;
}

/* Whether the whole echo is back. */
static int receive(int fd) {
    size_t left = echo_size - received[fd];
    ssize_t size = recv(fd, back, left < sizeof back ? left : sizeof back, 0);
    if (size <= 0) die("recv");
    received[fd] = (received[fd] + size) % echo_size;
    return received[fd] == 0;
}

int main(int count, char **words) {
    struct epoll_event events[MAX_EVENTS];
    long messages = 0;
    double start, end, seconds;
    int epoll = epoll_create1(0), connections, ready, warm = 0;
    if (count < 5) return 2;
    connections = atoi(words[2]);
    make_frame(strtoul(words[3], NULL, 10));
    seconds = atof(words[4]);
    while (connections--) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = open_socket(atoi(words[1]), count > 5 ? words[5] : "/")};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event)) die("epoll_ctl");
        send_frame(event.data.fd);
    }
    start = now() + seconds / 4;
    end = start + seconds;
    while (now() < end) {
        if ((ready = epoll_wait(epoll, events, MAX_EVENTS, 5000)) <= 0) die("epoll_wait");
        while (ready--)
            if (receive(events[ready].data.fd)) {
                messages++;
                send_frame(events[ready].data.fd);
            }
        if (!warm && now() >= start) {
            warm = 1;
            messages = 0;
            start = now();
        }
    }
    printf("%f\n", messages / (now() - start));
    return 0;
}
