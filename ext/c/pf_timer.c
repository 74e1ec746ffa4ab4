/* See pf_timer.h. A slot holds the timers of one tick: those further off than the wheel reaches are parked in a slot
 * that comes sooner, and filed anew when it is reached. */
#include "pf_timer.h"

#include <stddef.h>

/* Far deadlines share the two slots at multiples of this, so that a quiet wheel wakes its owner for few of them. */
enum { PARKING = PF_WHEEL_SLOTS / 2 };

static void ring_init(pf_timer *ring) { ring->prev = ring->next = ring; }

static int ring_empty(const pf_timer *ring) { return ring->next == ring; }

static void ring_append(pf_timer *ring, pf_timer *timer) {
    timer->prev = ring->prev;
    timer->next = ring;
    ring->prev->next = timer;
    ring->prev = timer;
}

static void ring_remove(pf_timer *timer) {
    timer->prev->next = timer->next;
    timer->next->prev = timer->prev;
    timer->prev = timer->next = NULL;
}

/* Move all of `from` to the end of `ring`. */
static void ring_move(pf_timer *ring, pf_timer *from) {
    if (ring_empty(from))
        return;
    from->next->prev = ring->prev;
    ring->prev->next = from->next;
    from->prev->next = ring;
    ring->prev = from->prev;
    ring_init(from);
}

static pf_timer *slot_of(pf_wheel *wheel, uint64_t tick) { return &wheel->slots[tick % PF_WHEEL_SLOTS]; }

static void file(pf_wheel *wheel, pf_timer *timer) {
    uint64_t tick = timer->due / wheel->tick_ms + (timer->due % wheel->tick_ms != 0);
    uint64_t last = wheel->tick + PF_WHEEL_SLOTS - 1;
    if (tick <= wheel->tick)
        tick = wheel->tick + 1;
    else if (tick > last)
        tick = last - last % PARKING;
    if (tick < wheel->nearest)
        wheel->nearest = tick;
    ring_append(slot_of(wheel, tick), timer);
}

/* Take out all timers up to the tick of now_ms. */
static void reach(pf_wheel *wheel, uint64_t now_ms) {
    uint64_t target = now_ms / wheel->tick_ms;
    if (target <= wheel->tick)
        return;
    uint64_t slots = target - wheel->tick < PF_WHEEL_SLOTS ? target - wheel->tick : PF_WHEEL_SLOTS;
    for (uint64_t i = 1; i <= slots; i++)
        ring_move(&wheel->reached, slot_of(wheel, wheel->tick + i));
    wheel->tick = target;
    if (wheel->nearest <= target)
        wheel->nearest = target + 1;
}

void pf_wheel_init(pf_wheel *wheel, uint32_t tick_ms, uint64_t now_ms) {
    for (int i = 0; i < PF_WHEEL_SLOTS; i++)
        ring_init(&wheel->slots[i]);
    ring_init(&wheel->reached);
    wheel->tick_ms = tick_ms;
    wheel->tick = now_ms / tick_ms;
    wheel->nearest = wheel->tick + 1;
    wheel->count = 0;
}

void pf_wheel_add(pf_wheel *wheel, pf_timer *timer, uint64_t due_ms) {
    pf_wheel_remove(wheel, timer);
    timer->due = due_ms;
    file(wheel, timer);
    wheel->count++;
}

void pf_wheel_remove(pf_wheel *wheel, pf_timer *timer) {
    if (timer->next == NULL)
        return;
    ring_remove(timer);
    wheel->count--;
}

pf_timer *pf_wheel_advance(pf_wheel *wheel, uint64_t now_ms) {
    reach(wheel, now_ms);
    while (!ring_empty(&wheel->reached)) {
        pf_timer *timer = wheel->reached.next;
        ring_remove(timer);
        if (timer->due <= now_ms) {
            wheel->count--;
            return timer;
        }
        file(wheel, timer);
    }
    return NULL;
}

int64_t pf_wheel_next(pf_wheel *wheel, uint64_t now_ms) {
    if (wheel->count == 0)
        return -1;
    if (!ring_empty(&wheel->reached))
        return 0;
    while (ring_empty(slot_of(wheel, wheel->nearest)))
        wheel->nearest++;
    uint64_t when = wheel->nearest * wheel->tick_ms;
    return when > now_ms ? (int64_t)(when - now_ms) : 0;
}
