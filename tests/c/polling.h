/* What the poller's tests say again and again. */
#ifndef POLLING_H
#define POLLING_H

#include "check.h"
#include "pf_poll.h"

static inline void open_poll(pf_poll *poll) { CHECK_EQ(pf_poll_open(poll), 0); }

static inline void set(pf_poll *poll, int fd, unsigned old, unsigned mask, uint64_t token) {
    CHECK_EQ(pf_poll_set(poll, fd, old, mask, token), 0);
}

/* Wait without a limit for the one event that must come, and give its mask. */
static inline unsigned await(pf_poll *poll, uint64_t token) {
    pf_poll_event events[8];
    CHECK_EQ(pf_poll_wait(poll, events, 8, -1), 1);
    CHECK_EQ(events[0].token, token);
    return events[0].mask;
}

static inline void check_quiet(pf_poll *poll) {
    pf_poll_event events[8];
    CHECK_EQ(pf_poll_wait(poll, events, 8, 0), 0);
}

#endif
