/* Poller: waits for many file descriptors and for a wake-up from another thread.
 *
 * One backend is compiled in: pf_poll_epoll.c or pf_poll_kqueue.c. Both hold the same functions in the same
 * order, are level-triggered, and know neither callbacks nor time beyond the time-out of one wait.
 *
 * Every function returns >= 0 on success and -errno on failure. One thread owns a poller; only pf_poll_wake may
 * be called from elsewhere.
 */
#ifndef PF_POLL_H
#define PF_POLL_H

#include <stdint.h>

enum {
    PF_POLL_READ = 1,  /* reading would not block: bytes, a connection to accept, or the end of the stream */
    PF_POLL_WRITE = 2, /* writing would not block */
    PF_POLL_ERROR = 4, /* error or hang-up, so neither would block, and there may be bytes to read before the end;
                        * reported unasked, with the others or alone. A half-closed socket has READ only. */
};

typedef struct {
    int fd;      /* the epoll or kqueue descriptor; readable itself while events or a wake-up wait */
    int wake_fd; /* eventfd on Linux, -1 where the backend needs none */
} pf_poll;

typedef struct {
    uint64_t token; /* as given to pf_poll_set; PF_POLL_WOKEN for a wake-up */
    unsigned mask;
} pf_poll_event;

#define PF_POLL_WOKEN UINT64_MAX

/* A child made by fork(2) shares an epoll descriptor with its parent, and has no kqueue at all: it closes the poller
 * that it inherited, before it opens anything, and uses one of its own. */
int pf_poll_open(pf_poll *poll);
void pf_poll_close(pf_poll *poll);

/* Watch fd for `mask` from now on, where it was watched for `old` (0: not at all). mask 0 stops watching: do that
 * before closing fd, because a duplicate of it (in a child, say) keeps the watch alive and out of reach. An fd that
 * was closed and opened anew behind the poller's back is watched all the same. After a failure nothing is known: set
 * mask 0 or close fd.
 *
 * With mask PF_POLL_ERROR epoll reports errors and hang-ups alone; kqueue, which tells them to a reader or writer
 * only, keeps them until there is one.
 *
 * The token comes back with each event. It is unique among the watched descriptors, and the caller keeps a
 * generation in it: an event that was already in a batch when its descriptor was closed can so be told from one for
 * the new owner of that number. */
int pf_poll_set(pf_poll *poll, int fd, unsigned old, unsigned mask, uint64_t token);

/* Wait up to timeout_ms (-1: for ever, 0: only look) and fill `events` (capacity >= 1). Returns how many: at most one
 * an fd, and perhaps fewer than are ready; the next call gives the others. A signal that interrupts the wait gives
 * 0 events. */
int pf_poll_wait(pf_poll *poll, pf_poll_event *events, int capacity, int timeout_ms);

/* Make the current wait, or else the next one, return at once with one PF_POLL_WOKEN event, however many wakes led to
 * it. Safe in any thread and in a signal handler; leaves errno alone. */
int pf_poll_wake(pf_poll *poll);

#endif
