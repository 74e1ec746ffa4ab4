/* A test double of kqueue(2), so that pf_poll_kqueue.c runs where there is none.
 *
 * The queue's descriptor is an epoll one: so it can be polled itself, and it forgets a descriptor that is closed, as a
 * real queue does. Kept from kqueue: READ and WRITE are two filters with an event each, EV_EOF, EV_RECEIPT, the errors
 * of a change, no inheritance by fork(2). One EVFILT_USER a queue, with EV_CLEAR; the other filters without.
 */
#define _GNU_SOURCE
#include <sys/event.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAX_FD = 1 << 16, MAX_EVENTS = 1024 };

struct knotes {      /* of one descriptor */
    uint32_t wanted; /* EPOLLIN for EVFILT_READ, EPOLLOUT for EVFILT_WRITE */
    void *read_data, *write_data;
};

struct queue {
    int user_fd; /* an eventfd, for EVFILT_USER */
    void *user_data;
    struct knotes of[MAX_FD];
};

static struct queue *queues[MAX_FD]; /* by the descriptor of the queue */

/* What is wanted of a descriptor, to the epoll descriptor; an errno, or 0. */
static int tell(int queue_fd, int operation, int fd, uint32_t wanted) {
    struct epoll_event event = {.events = wanted & EPOLLIN ? wanted | EPOLLRDHUP : wanted, .data.fd = fd};
    return epoll_ctl(queue_fd, operation, fd, &event) < 0 ? errno : 0;
}

/* Free the queues whose descriptors were closed, and close the others too if `all`. */
static void sweep(int all) {
    for (int fd = 0; fd < MAX_FD; fd++) {
        if (queues[fd] == NULL)
            continue;
        int open = tell(fd, EPOLL_CTL_MOD, queues[fd]->user_fd, EPOLLIN) == 0;
        if (open && !all)
            continue;
        if (open)
            close(fd);
        close(queues[fd]->user_fd);
        free(queues[fd]);
        queues[fd] = NULL;
    }
}

static void close_in_child(void) { sweep(1); }

int kqueue(void) {
    static int prepared;
    if (!prepared)
        prepared = pthread_atfork(NULL, NULL, close_in_child) == 0;
    sweep(0);
    int fd = epoll_create1(0);
    if (fd < 0)
        return -1;
    struct queue *queue = calloc(1, sizeof *queue);
    queue->user_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    tell(fd, EPOLL_CTL_ADD, queue->user_fd, 0);
    queues[fd] = queue;
    return fd;
}

static int change_user(int queue_fd, struct queue *queue, const struct kevent *change) {
    if (change->flags & EV_ADD) {
        queue->user_data = change->udata;
        return tell(queue_fd, EPOLL_CTL_MOD, queue->user_fd, EPOLLIN);
    }
    uint64_t one = 1;
    return change->fflags & NOTE_TRIGGER && write(queue->user_fd, &one, sizeof one) < 0 && errno != EAGAIN ? errno : 0;
}

static int change_fd(int queue_fd, struct queue *queue, const struct kevent *change) {
    int fd = (int)change->ident;
    if (fd < 0 || fd >= MAX_FD || fcntl(fd, F_GETFD) < 0)
        return EBADF;
    struct knotes *knotes = &queue->of[fd];
    if (knotes->wanted != 0 && tell(queue_fd, EPOLL_CTL_MOD, fd, knotes->wanted) != 0)
        knotes->wanted = 0; /* it was closed, and opened anew */
    uint32_t before = knotes->wanted, bit = change->filter == EVFILT_READ ? EPOLLIN : EPOLLOUT;
    if (change->flags & EV_DELETE) {
        if (!(before & bit))
            return ENOENT;
        knotes->wanted = before & ~bit;
        return tell(queue_fd, knotes->wanted ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, fd, knotes->wanted);
    }
    int error = tell(queue_fd, before ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, before | bit);
    if (error != 0)
        return error;
    knotes->wanted = before | bit;
    *(bit == EPOLLIN ? &knotes->read_data : &knotes->write_data) = change->udata;
    return 0;
}

static int read_event(const struct epoll_event *ready, const struct knotes *knotes, struct kevent *event) {
    if (!(knotes->wanted & EPOLLIN) || !(ready->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        return 0;
    int end = (ready->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    int error = ready->events & EPOLLERR ? ECONNRESET : 0; /* which one is not known without taking it */
    EV_SET(event, (uintptr_t)ready->data.fd, EVFILT_READ, end ? EV_EOF : 0, (unsigned)error, 0, knotes->read_data);
    return 1;
}

static int write_event(const struct epoll_event *ready, const struct knotes *knotes, struct kevent *event) {
    if (!(knotes->wanted & EPOLLOUT) || !(ready->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)))
        return 0;
    int end = (ready->events & (EPOLLHUP | EPOLLERR)) != 0;
    EV_SET(event, (uintptr_t)ready->data.fd, EVFILT_WRITE, end ? EV_EOF : 0, 0, 0, knotes->write_data);
    return 1;
}

static int user_event(struct queue *queue, struct kevent *event) {
    uint64_t triggers;
    if (read(queue->user_fd, &triggers, sizeof triggers) < 0)
        return 0;
    EV_SET(event, 0, EVFILT_USER, EV_CLEAR, 0, 0, queue->user_data);
    return 1;
}

/* All reads come before all writes, so that the two of one descriptor stand apart. */
static int collect(int queue_fd, struct queue *queue, struct kevent *events, int capacity, int timeout_ms) {
    struct epoll_event ready[MAX_EVENTS];
    int most = capacity < 2 ? 1 : capacity / 2 < MAX_EVENTS ? capacity / 2 : MAX_EVENTS;
    int count = epoll_wait(queue_fd, ready, most, timeout_ms);
    int filled = 0;
    for (int i = 0; i < count; i++) {
        int fd = ready[i].data.fd;
        filled += fd == queue->user_fd ? user_event(queue, &events[filled])
                                       : read_event(&ready[i], &queue->of[fd], &events[filled]);
    }
    for (int i = 0; i < count && filled < capacity; i++)
        if (ready[i].data.fd != queue->user_fd)
            filled += write_event(&ready[i], &queue->of[ready[i].data.fd], &events[filled]);
    return count < 0 ? -1 : filled;
}

int kevent(int queue_fd, const struct kevent *changes, int change_count, struct kevent *events, int capacity,
           const struct timespec *timeout) {
    struct queue *queue = queue_fd >= 0 && queue_fd < MAX_FD ? queues[queue_fd] : NULL;
    if (queue == NULL) {
        errno = EBADF;
        return -1;
    }
    int filled = 0;
    for (int i = 0; i < change_count; i++) {
        int error = changes[i].filter == EVFILT_USER ? change_user(queue_fd, queue, &changes[i])
                                                     : change_fd(queue_fd, queue, &changes[i]);
        if (error == 0 && !(changes[i].flags & EV_RECEIPT))
            continue;
        if (filled == capacity) {
            errno = error;
            return error == 0 ? filled : -1;
        }
        events[filled] = changes[i];
        events[filled].flags |= EV_ERROR;
        events[filled++].data = error;
    }
    if (filled > 0 || capacity == 0)
        return filled;
    int timeout_ms = timeout == NULL ? -1 : (int)(timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000);
    return collect(queue_fd, queue, events, capacity, timeout_ms);
}
