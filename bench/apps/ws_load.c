/* The load for WebSocket servers: PORT CONNECTIONS SIZE SECONDS MODE. Prints the messages a second that came back.
 *
 * echo: each connection sends a binary message of SIZE bytes to /echo, waits for its echo, and sends it again.
 * deflate: the same with several texts in turn that look like JSON, compressed, to /deflate.
 * room: the first connection sends the message to /room, and again when all connections have it.
 * The first answer of the first connection must be its first message. */
#include <zlib.h>

#include "load.h"

enum { HEAD_MAX = 14, LONGEST = 60000, TEXTS = 8 };

typedef struct {
    unsigned char head[4]; /* of the frame that comes: 2 or 4 bytes */
    size_t have, left;     /* bytes of the head; bytes of the payload to come */
    unsigned answers;
} receiver;

static receiver receivers[MAX_FDS];
static char messages[TEXTS][LONGEST], frames[TEXTS][HEAD_MAX + 2 * LONGEST], back[1 << 18], first[2 * LONGEST];
static size_t message_size, frame_sizes[TEXTS];
static int compressed, first_fd;

static void make_message(char *message, unsigned random) {
    char row[128];
    size_t at = 0;
    for (unsigned id = 1; at < message_size; id++) {
        random = random * 1103515245 + 12345;
        int length = snprintf(row, sizeof row, "{\"id\": %u, \"name\": \"user%u\", \"price\": %u.%02u, \"tags\": [\"%s\", \"new\"]}, ",
                              id, random >> 20, random >> 8 & 1023, random >> 18 & 63, random >> 24 & 1 ? "red" : "green");
        for (int i = 0; i < length && at < message_size; i++) message[at++] = row[i];
    }
}

static size_t deflated(const char *message, char *out, size_t room) {
    z_stream zlib = {0};
    deflateInit2(&zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    zlib.next_in = (Bytef *)message, zlib.avail_in = message_size;
    zlib.next_out = (Bytef *)out, zlib.avail_out = room;
    deflate(&zlib, Z_SYNC_FLUSH);
    deflateEnd(&zlib);
    return room - zlib.avail_out - 4;
}

static size_t make_frame(const char *message, char *frame) {
    static char packed[2 * LONGEST];
    const char *payload = compressed ? packed : message;
    size_t size = compressed ? deflated(message, packed, sizeof packed) : message_size, at = 2;
    frame[0] = (char)(compressed ? 0xC1 : 0x82);
    frame[1] = (char)(0x80 | (size < 126 ? size : 126));
    if (size >= 126) frame[at++] = (char)(size >> 8), frame[at++] = (char)size;
    memcpy(frame + at, "\1\2\3\4", 4);
    for (size_t i = 0; i < size; i++) frame[at + 4 + i] = payload[i] ^ "\1\2\3\4"[i & 3];
    return at + 4 + size;
}

static void send_frame(int fd) {
    unsigned text = receivers[fd].answers % TEXTS;
    for (size_t sent = 0; sent < frame_sizes[text];) {
        ssize_t size = send(fd, frames[text] + sent, frame_sizes[text] - sent, MSG_NOSIGNAL);
        if (size < 0) die("send");
        sent += size;
    }
}

static int open_socket(int port, const char *mode) {
    int fd = connect_to(port), size;
    size = snprintf(back, sizeof back,
                    "GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%s"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n", mode,
                    compressed ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    if (send(fd, back, size, MSG_NOSIGNAL) != size) die("send");
    for (size = 0; size < 4 || memcmp(back + size - 4, "\r\n\r\n", 4); size++)
        if (recv(fd, back + size, 1, 0) != 1) die("handshake");
    back[size] = 0;
    if (memcmp(back, "HTTP/1.1 101", 12) || (compressed && !strstr(back, "permessage-deflate"))) {
        fprintf(stderr, "not the WebSocket that was asked for: %s\n", back);
        exit(1);
    }
    return fd;
}

static void check(char *data, size_t size) {
    static char plain[LONGEST];
    if (compressed) {
        z_stream zlib = {0};
        inflateInit2(&zlib, -15);
        zlib.next_in = (Bytef *)data, zlib.avail_in = size;
        zlib.next_out = (Bytef *)plain, zlib.avail_out = sizeof plain;
        inflate(&zlib, Z_SYNC_FLUSH);
        size = sizeof plain - zlib.avail_out;
        inflateEnd(&zlib);
        data = plain;
    }
    if (size != message_size || memcmp(data, messages[0], size)) {
        fprintf(stderr, "another message came back\n");
        exit(1);
    }
}

/* The whole messages that have come. */
static int receive(int fd) {
    static size_t first_size;
    receiver *to = receivers + fd;
    ssize_t size = recv(fd, back, sizeof back, 0), at = 0;
    int complete = 0;
    if (size <= 0) die("recv");
    while (at < size) {
        size_t head = to->have > 1 && to->head[1] == 126 ? 4 : 2;
        if (to->have < head) {
            to->head[to->have++] = back[at++];
            if (to->have < 2 || to->have < (to->head[1] == 126 ? 4u : 2u)) continue;
            to->left = to->head[1] == 126 ? to->head[2] << 8 | to->head[3] : to->head[1];
        }
        size_t part = to->left < (size_t)(size - at) ? to->left : (size_t)(size - at);
        if (to->answers == 0 && fd == first_fd) {
            memcpy(first + first_size, back + at, part);
            first_size += part;
        }
        at += part;
        to->left -= part;
        if (to->left == 0) {
            if (to->answers++ == 0 && fd == first_fd) check(first, first_size);
            to->have = 0;
            complete++;
        }
    }
    return complete;
}

int main(int count, char **words) {
    struct epoll_event events[MAX_EVENTS];
    long answers = 0, awaited = 0;
    double start, end;
    int epoll = epoll_create1(0), connections, ready, warm = 0, room;
    if (count != 6) return 2;
    connections = atoi(words[2]);
    room = strcmp(words[5], "room") == 0;
    compressed = strcmp(words[5], "deflate") == 0;
    message_size = strtoul(words[3], NULL, 10);
    if (message_size > LONGEST) return 2;
    for (int text = 0; text < TEXTS; text++) {
        make_message(messages[text], text);
        frame_sizes[text] = make_frame(messages[text], frames[text]);
    }
    for (int i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = open_socket(atoi(words[1]), words[5])};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event)) die("epoll_ctl");
        if (i == 0) first_fd = event.data.fd;
        if (!room) send_frame(event.data.fd);
    }
    start = now() + atof(words[4]) / 4;
    end = start + atof(words[4]);
    while (now() < end) {
        if (room && awaited == 0) {
            send_frame(first_fd);
            awaited = connections;
        }
        if ((ready = epoll_wait(epoll, events, MAX_EVENTS, 5000)) <= 0) die("epoll_wait");
        while (ready--) {
            int came = receive(events[ready].data.fd);
            answers += came;
            awaited -= came;
            if (came && !room) send_frame(events[ready].data.fd);
        }
        if (!warm && now() >= start) {
            warm = 1;
            answers = 0;
            start = now();
        }
    }
    printf("%f\n", answers / (now() - start));
    return 0;
}
