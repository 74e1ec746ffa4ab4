/* The load for large answers: PORT CONNECTIONS SECONDS PATH. Prints the answers a second.
 * Each connection sends GET and waits for the whole answer. What is behind the head is dropped inside the kernel
 * (MSG_TRUNC): copying it would keep this program busier than the server. */
#include "load.h"

enum { HEAD = 4096 };

static struct {
    char head[HEAD + 1];
    size_t size; /* of the head, as far as it has come */
    long left;   /* bytes of the body to come; 0 while the head is awaited */
} *connections[MAX_FDS];
static char request[1024];
static size_t request_size;

static void ask(int fd) {
    if (send(fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) die("send");
}

static int open_connection(int port) {
    int fd = connect_to(port);
    if (!(connections[fd] = calloc(1, sizeof *connections[fd]))) die("calloc");
    return fd;
}

/* Take the end of the head; what came of the body with it is dropped too. */
static int read_head(int fd) {
    ssize_t got = recv(fd, connections[fd]->head + connections[fd]->size, HEAD - connections[fd]->size, 0);
    char *end, *field;
    if (got <= 0) die("recv");
    connections[fd]->size += got;
    connections[fd]->head[connections[fd]->size] = 0;
    if (!(end = strstr(connections[fd]->head, "\r\n\r\n"))) return 0;
    if (strncmp(connections[fd]->head, "HTTP/1.1 200", 12)) die("the answer is not 200");
    if (!(field = strcasestr(connections[fd]->head, "\r\nContent-Length:"))) die("no Content-Length");
    connections[fd]->left = atol(field + 17) - (long)(connections[fd]->size - (end + 4 - connections[fd]->head));
    connections[fd]->size = 0;
    return 1;
}

/* Return 1 when the answer is complete. */
static int receive(int fd) {
    ssize_t got;
    if (connections[fd]->left == 0) return read_head(fd) && connections[fd]->left == 0;
    if ((got = recv(fd, NULL, connections[fd]->left, MSG_TRUNC)) <= 0) die("recv");
    return (connections[fd]->left -= got) == 0;
}

int main(int count, char **words) {
    struct epoll_event events[MAX_EVENTS];
    int poll = epoll_create1(0);
    long answers = 0;
    double start, end, warm;
    if (count != 5) return 2;
    request_size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", words[4]);
    for (int i = 0; i < atoi(words[2]); i++) {
        int fd = open_connection(atoi(words[1]));
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        ask(fd);
    }
    start = now();
    warm = start + atof(words[3]) / 4;
    end = warm + atof(words[3]);
    for (int warmed = 0; now() < end;) {
        int ready = epoll_wait(poll, events, MAX_EVENTS, 5000);
        if (ready <= 0) die("epoll_wait");
        for (int i = 0; i < ready; i++)
            if (receive(events[i].data.fd)) {
                answers++;
                ask(events[i].data.fd);
            }
        if (!warmed && now() >= warm) {
            warmed = 1;
            answers = 0;
            start = now();
        }
    }
    printf("%f\n", answers / (now() - start));
    return 0;
}
