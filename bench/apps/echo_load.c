/* The load for the echo servers without TLS: PORT CONNECTIONS SECONDS. Prints the echoes a second.
 * Each connection sends a line of 64 bytes, waits for it to come back, and sends the next. */
#include "load.h"

enum { LINE = 64 };

static char line[LINE];
static int received[MAX_FDS]; /* bytes of the line that have come back so far */

static void send_line(int fd) {
    if (send(fd, line, LINE, MSG_NOSIGNAL) != LINE) die("send");
}

/* Whether the whole line is back. */
static int receive(int fd) {
    char back[LINE];
    ssize_t size = recv(fd, back, LINE - received[fd], 0);
    if (size <= 0) die("recv");
    if (memcmp(back, line + received[fd], size)) {
        fprintf(stderr, "something else came back\n");
        exit(1);
    }
    received[fd] = (received[fd] + size) % LINE;
    return received[fd] == 0;
}

int main(int count, char **words) {
    struct epoll_event events[MAX_EVENTS];
    long echoes = 0;
    double start, end, seconds;
    int epoll = epoll_create1(0), connections, ready, warm = 0;
    if (count != 4) return 2;
    connections = atoi(words[2]);
    seconds = atof(words[3]);
    memset(line, 'x', LINE);
    line[LINE - 1] = '\n';
    while (connections--) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = connect_to(atoi(words[1]))};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event)) die("epoll_ctl");
        send_line(event.data.fd);
    }
    start = now() + seconds / 4;
    end = start + seconds;
    while (now() < end) {
        if ((ready = epoll_wait(epoll, events, MAX_EVENTS, 5000)) <= 0) die("epoll_wait");
        while (ready--)
            if (receive(events[ready].data.fd)) {
                send_line(events[ready].data.fd);
                echoes++;
            }
        if (!warm && now() >= start) {
            warm = 1;
            echoes = 0;
            start = now();
        }
    }
    printf("%f\n", echoes / (now() - start));
    return 0;
}
