/* Timer wheel: many coarse deadlines (idle connections, slow bodies), each cheap to set, move and drop.
 *
 * No allocation: the timers live in their owner's structures. A timer never fires before it is due, and at most one
 * tick after, if the wheel is advanced then. All times are milliseconds of one monotonic clock, which the caller reads.
 */
#ifndef PF_TIMER_H
#define PF_TIMER_H

#include <stdint.h>

enum { PF_WHEEL_SLOTS = 512 }; /* deadlines further off than so many ticks are looked at again on the way */

typedef struct pf_timer {
    struct pf_timer *prev, *next; /* NULL: not set */
    uint64_t due;
} pf_timer;

typedef struct {
    pf_timer slots[PF_WHEEL_SLOTS]; /* ring heads; the timers of tick t are in slots[t % PF_WHEEL_SLOTS] */
    pf_timer reached;               /* ring head; taken out of their slots, but not yet handed out */
    uint64_t tick_ms;
    uint64_t tick;    /* the last tick whose slot was emptied */
    uint64_t nearest; /* no slot before this tick holds anything */
    uint64_t count;   /* timers set */
} pf_wheel;

void pf_wheel_init(pf_wheel *wheel, uint32_t tick_ms, uint64_t now_ms);

/* Set a timer (zeroed by its owner before the first use), or move one that is set. What is due already fires at the
 * next tick. */
void pf_wheel_add(pf_wheel *wheel, pf_timer *timer, uint64_t due_ms);

/* Drop a timer; one that is not set stays so. */
void pf_wheel_remove(pf_wheel *wheel, pf_timer *timer);

/* The next timer that is due, no longer set, or NULL: call until then. Any timer may be added, moved or removed between
 * two calls. Timers of one tick come in no promised order. */
pf_timer *pf_wheel_advance(pf_wheel *wheel, uint64_t now_ms);

/* Milliseconds until pf_wheel_advance has something to do (0: it has now), or -1 when no timer is set. */
int64_t pf_wheel_next(pf_wheel *wheel, uint64_t now_ms);

#endif
