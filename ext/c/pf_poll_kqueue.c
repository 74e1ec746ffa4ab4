/* pf_poll.h on kqueue(2), woken by its EVFILT_USER. To be read side by side with pf_poll_epoll.c. */
#include "pf_poll.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>

#include <sys/event.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256 }; /* events taken from the kernel by one wait */

_Static_assert(sizeof(void *) == sizeof(uint64_t), "a token travels in kevent.udata");

static struct kevent interest(int fd, int filter, int wanted, uint64_t token) {
    struct kevent change;
    EV_SET(&change, (uintptr_t)fd, (short)filter, (wanted ? EV_ADD : EV_DELETE) | EV_RECEIPT, 0, 0, (void *)token);
    return change;
}

static int control(pf_poll *poll, const struct kevent *changes, int count) {
    struct kevent receipts[2];
    if (kevent(poll->fd, changes, count, receipts, count, NULL) < 0)
        return -errno;
    for (int i = 0; i < count; i++) {
        int error = (int)receipts[i].data;
        int absent = (changes[i].flags & EV_DELETE) && (error == ENOENT || error == EBADF);
        if (error != 0 && !absent)
            return -error;
    }
    return 0;
}

static unsigned readiness(const struct kevent *ready) {
    if (ready->filter == EVFILT_WRITE)
        return ready->flags & EV_EOF ? PF_POLL_WRITE | PF_POLL_ERROR : PF_POLL_WRITE;
    /* The end of what we read is a hang-up only with an error: else the peer may still read what we write. */
    return ready->flags & EV_EOF && ready->fflags != 0 ? PF_POLL_READ | PF_POLL_ERROR : PF_POLL_READ;
}

/* Add an event to `count` others; one for a token that is there already, by the other filter, joins it. */
static int merge(pf_poll_event *events, int count, pf_poll_event event) {
    for (int i = 0; i < count; i++) {
        if (events[i].token == event.token) {
            events[i].mask |= event.mask;
            return count;
        }
    }
    events[count] = event;
    return count + 1;
}

int pf_poll_open(pf_poll *poll) {
    poll->wake_fd = -1;
    poll->fd = kqueue();
    if (poll->fd < 0)
        return -errno;
    struct kevent wake;
    EV_SET(&wake, 0, EVFILT_USER, EV_ADD | EV_CLEAR | EV_RECEIPT, 0, 0, (void *)PF_POLL_WOKEN);
    int status = fcntl(poll->fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : control(poll, &wake, 1);
    if (status < 0)
        pf_poll_close(poll);
    return status;
}

void pf_poll_close(pf_poll *poll) {
    if (poll->fd >= 0)
        close(poll->fd);
    poll->fd = -1;
}

int pf_poll_set(pf_poll *poll, int fd, unsigned old, unsigned mask, uint64_t token) {
    (void)old; /* Both filters are stated each time: to add twice is harmless, and so is to delete what is not there. */
    struct kevent changes[] = {
        interest(fd, EVFILT_READ, mask & PF_POLL_READ, token),
        interest(fd, EVFILT_WRITE, mask & PF_POLL_WRITE, token),
    };
    return control(poll, changes, 2);
}

int pf_poll_wait(pf_poll *poll, pf_poll_event *events, int capacity, int timeout_ms) {
    struct kevent ready[BATCH];
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    int count = kevent(poll->fd, NULL, 0, ready, capacity < BATCH ? capacity : BATCH, timeout_ms < 0 ? NULL : &timeout);
    if (count < 0)
        return errno == EINTR ? 0 : -errno;
    int filled = 0;
    for (int writes = 0; writes < 2; writes++) { /* writes last, so that only those have to look for their place */
        for (int i = 0; i < count; i++) {
            pf_poll_event event = {.token = (uint64_t)ready[i].udata, .mask = readiness(&ready[i])};
            if (ready[i].filter != EVFILT_WRITE && !writes)
                events[filled++] = event;
            if (ready[i].filter == EVFILT_WRITE && writes)
                filled = merge(events, filled, event);
        }
    }
    return filled;
}

int pf_poll_wake(pf_poll *poll) {
    int saved = errno;
    struct kevent trigger;
    EV_SET(&trigger, 0, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
    int status = kevent(poll->fd, &trigger, 1, NULL, 0, NULL) < 0 ? -errno : 0;
    errno = saved;
    return status;
}
