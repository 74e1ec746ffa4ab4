/* pf_poll.h on epoll(7), woken by an eventfd(2). To be read side by side with pf_poll_kqueue.c. */
#include "pf_poll.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BATCH = 256 }; /* events taken from the kernel by one wait */

static int control(pf_poll *poll, int operation, int fd, unsigned mask, uint64_t token) {
    struct epoll_event change = {.data.u64 = token};
    if (mask & PF_POLL_READ)
        change.events |= EPOLLIN;
    if (mask & PF_POLL_WRITE)
        change.events |= EPOLLOUT;
    return epoll_ctl(poll->fd, operation, fd, &change) < 0 ? -errno : 0;
}

static unsigned readiness(const struct epoll_event *ready) {
    unsigned mask = 0;
    if (ready->events & EPOLLIN)
        mask |= PF_POLL_READ;
    if (ready->events & EPOLLOUT)
        mask |= PF_POLL_WRITE;
    if (ready->events & (EPOLLERR | EPOLLHUP))
        mask |= PF_POLL_ERROR;
    return mask;
}

static void forget_wakes(pf_poll *poll) {
    uint64_t wakes;
    while (read(poll->wake_fd, &wakes, sizeof wakes) < 0 && errno == EINTR)
        ;
}

int pf_poll_open(pf_poll *poll) {
    poll->wake_fd = -1;
    poll->fd = epoll_create1(EPOLL_CLOEXEC);
    if (poll->fd < 0)
        return -errno;
    poll->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int status = poll->wake_fd < 0 ? -errno : control(poll, EPOLL_CTL_ADD, poll->wake_fd, PF_POLL_READ, PF_POLL_WOKEN);
    if (status < 0)
        pf_poll_close(poll);
    return status;
}

void pf_poll_close(pf_poll *poll) {
    if (poll->wake_fd >= 0)
        close(poll->wake_fd);
    if (poll->fd >= 0)
        close(poll->fd);
    poll->fd = poll->wake_fd = -1;
}

int pf_poll_set(pf_poll *poll, int fd, unsigned old, unsigned mask, uint64_t token) {
    if (mask == 0) {
        int status = control(poll, EPOLL_CTL_DEL, fd, 0, token);
        /* Closed, or opened anew, perhaps as something that cannot be watched: not watched either way. */
        return status == -ENOENT || status == -EBADF || status == -EPERM ? 0 : status;
    }
    int status = control(poll, old ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, mask, token);
    if (status == -ENOENT)
        return control(poll, EPOLL_CTL_ADD, fd, mask, token);
    if (status == -EEXIST)
        return control(poll, EPOLL_CTL_MOD, fd, mask, token);
    return status;
}

int pf_poll_wait(pf_poll *poll, pf_poll_event *events, int capacity, int timeout_ms) {
    struct epoll_event ready[BATCH];
    int count = epoll_wait(poll->fd, ready, capacity < BATCH ? capacity : BATCH, timeout_ms);
    if (count < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        events[i] = (pf_poll_event){.token = ready[i].data.u64, .mask = readiness(&ready[i])};
        if (events[i].token == PF_POLL_WOKEN)
            forget_wakes(poll);
    }
    return count;
}

int pf_poll_wake(pf_poll *poll) {
    int saved = errno;
    uint64_t one = 1;
    int status = 0;
    if (write(poll->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN) /* EAGAIN: more wakes than it can count */
        status = -errno;
    errno = saved;
    return status;
}
