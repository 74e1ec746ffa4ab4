/* The timer wheel against a model that looks at every timer each time, over a long pseudo-random sequence. */
#include "pf_timer.h"

#include "check.h"

enum { TICK = 100, COUNT = 200 };

static const uint64_t START = 123456789;

/* A timer, and beside it what the model knows. */
typedef struct {
    pf_timer timer;
    int set;
    uint64_t due, added; /* `added`: when it was set */
} item;

static item items[COUNT];
static uint64_t seed;

/* splitmix64: a number below `bound`. */
static uint64_t below(uint64_t bound) {
    uint64_t z = seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % bound;
}

static void add(pf_wheel *wheel, item *item, uint64_t now, uint64_t due) {
    pf_wheel_add(wheel, &item->timer, due);
    item->set = 1;
    item->due = due;
    item->added = now;
}

static void drop(pf_wheel *wheel, item *item) {
    pf_wheel_remove(wheel, &item->timer);
    CHECK(item->timer.next == NULL);
    item->set = 0;
}

/* From milliseconds to months, with those that are due already and those on the edge of a tick. */
static uint64_t random_due(uint64_t now) {
    switch (below(6)) {
    case 0: return now - below(1000);
    case 1: return now + below(3 * TICK);
    case 2: return now + below(60000);
    case 3: return now + below(3600000);
    case 4: return (now / TICK + below(2 * PF_WHEEL_SLOTS)) * TICK;
    default: return now + below(100ull * 86400 * 1000);
    }
}

static void change_something(pf_wheel *wheel, uint64_t now) {
    item *item = &items[below(COUNT)];
    if (below(3) == 0)
        drop(wheel, item);
    else
        add(wheel, item, now, random_due(now));
}

/* The latest time at which the timer must have fired. */
static uint64_t latest(const item *item) { return (item->due > item->added ? item->due : item->added) + TICK; }

static void advance(pf_wheel *wheel, uint64_t now) {
    pf_timer *timer;
    while ((timer = pf_wheel_advance(wheel, now)) != NULL) {
        item *fired = (item *)timer;
        CHECK(fired->set);
        CHECK(fired->due <= now); /* never early */
        CHECK(timer->next == NULL);
        fired->set = 0;
        for (uint64_t changes = below(3); changes > 0; changes--)
            change_something(wheel, now);
    }
    for (int i = 0; i < COUNT; i++)
        CHECK(!items[i].set || latest(&items[i]) > now); /* never later than a tick */
}

static void check_next(pf_wheel *wheel, uint64_t now) {
    int64_t next = pf_wheel_next(wheel, now);
    uint64_t soonest = UINT64_MAX;
    for (int i = 0; i < COUNT; i++)
        if (items[i].set && latest(&items[i]) < soonest)
            soonest = latest(&items[i]);
    if (soonest == UINT64_MAX)
        CHECK_EQ(next, -1);
    else
        CHECK(next >= 0 && now + (uint64_t)next <= soonest);
}

static uint64_t random_step(uint64_t now, int64_t next) {
    switch (below(8)) {
    case 0: return now;
    case 1: return now + below(10);
    case 2: return now + below(2 * TICK);
    case 3: return now + below(PF_WHEEL_SLOTS * TICK * 3);
    case 4: return now + below(40ull * 86400 * 1000);
    default: return now + (next < 0 ? 1 : (uint64_t)next);
    }
}

static void against_the_model(void) {
    for (uint64_t round = 0; round < 20; round++) {
        pf_wheel wheel;
        uint64_t now = START + round * 37;
        seed = round;
        memset(items, 0, sizeof items);
        pf_wheel_init(&wheel, TICK, now);
        for (int step = 0; step < 2000; step++) {
            for (uint64_t changes = below(4); changes > 0; changes--)
                change_something(&wheel, now);
            check_next(&wheel, now);
            now = random_step(now, pf_wheel_next(&wheel, now));
            advance(&wheel, now);
            check_next(&wheel, now);
        }
        for (int i = 0; i < COUNT; i++)
            drop(&wheel, &items[i]);
        CHECK_EQ(pf_wheel_next(&wheel, now), -1);
    }
}

static void an_empty_wheel(void) {
    pf_wheel wheel;
    pf_timer timer = {0};
    pf_wheel_init(&wheel, TICK, START);
    CHECK_EQ(pf_wheel_next(&wheel, START), -1);
    CHECK(pf_wheel_advance(&wheel, START + 1000000) == NULL);
    pf_wheel_remove(&wheel, &timer); /* was never set */
    CHECK_EQ(pf_wheel_next(&wheel, START), -1);
}

static void at_the_edge_of_a_tick(void) {
    pf_wheel wheel;
    pf_timer timer = {0};
    pf_wheel_init(&wheel, TICK, 1000);
    pf_wheel_add(&wheel, &timer, 1200); /* on a tick: not late at all */
    CHECK_EQ(pf_wheel_next(&wheel, 1000), 200);
    CHECK_EQ(pf_wheel_next(&wheel, 1150), 50);
    CHECK(pf_wheel_advance(&wheel, 1199) == NULL);
    CHECK(pf_wheel_advance(&wheel, 1200) == &timer);
    CHECK(pf_wheel_advance(&wheel, 1200) == NULL);

    pf_wheel_add(&wheel, &timer, 1301); /* behind a tick: at the next */
    CHECK(pf_wheel_advance(&wheel, 1399) == NULL);
    CHECK_EQ(pf_wheel_next(&wheel, 1500), 0);
    CHECK(pf_wheel_advance(&wheel, 1400) == &timer);
}

static void moved_while_set(void) {
    pf_wheel wheel;
    pf_timer timer = {0};
    pf_wheel_init(&wheel, TICK, 1000);
    pf_wheel_add(&wheel, &timer, 1100);
    pf_wheel_add(&wheel, &timer, 1500);
    CHECK(pf_wheel_advance(&wheel, 1400) == NULL);
    pf_wheel_add(&wheel, &timer, 1450);
    CHECK(pf_wheel_advance(&wheel, 1500) == &timer);
    CHECK_EQ(pf_wheel_next(&wheel, 1500), -1);
}

/* A handler that sets its timer again for a time already past is called once a tick, not for ever. */
static void set_again_when_it_fires(void) {
    pf_wheel wheel;
    pf_timer timer = {0};
    pf_wheel_init(&wheel, TICK, 1000);
    pf_wheel_add(&wheel, &timer, 1000);
    for (uint64_t now = 1100; now < 2000; now += TICK) {
        CHECK(pf_wheel_advance(&wheel, now) == &timer);
        pf_wheel_add(&wheel, &timer, 1000);
        CHECK(pf_wheel_advance(&wheel, now) == NULL);
    }
}

static void dropped_between_two_that_fire(void) {
    pf_wheel wheel;
    pf_timer timers[3] = {0};
    pf_wheel_init(&wheel, TICK, 1000);
    for (int i = 0; i < 3; i++)
        pf_wheel_add(&wheel, &timers[i], 1100);
    pf_timer *first = pf_wheel_advance(&wheel, 1100);
    CHECK_EQ(pf_wheel_next(&wheel, 1100), 0); /* the others wait to be taken */
    pf_timer *moved = &timers[(first - timers + 1) % 3], *dropped = &timers[(first - timers + 2) % 3];
    pf_wheel_remove(&wheel, dropped);
    pf_wheel_add(&wheel, moved, 1900);
    CHECK(pf_wheel_advance(&wheel, 1100) == NULL);
    CHECK_EQ(pf_wheel_next(&wheel, 1100), 800);
    CHECK(pf_wheel_advance(&wheel, 1900) == moved);
    CHECK_EQ(pf_wheel_next(&wheel, 1900), -1);
}

/* Many timers an hour off, set at different times, must not wake a process that has nothing else to do. */
static void far_timers_wake_seldom(void) {
    enum { MINUTES = 30 };
    static pf_timer timers[1000];
    pf_wheel wheel;
    uint64_t now = START;
    pf_wheel_init(&wheel, TICK, now);
    for (int i = 0; i < 1000; i++) {
        now += 37;
        CHECK(pf_wheel_advance(&wheel, now) == NULL);
        pf_wheel_add(&wheel, &timers[i], now + 3600000);
    }
    int wakes = 0;
    for (uint64_t end = now + MINUTES * 60000; now < end; wakes++) {
        now += (uint64_t)pf_wheel_next(&wheel, now);
        CHECK(pf_wheel_advance(&wheel, now) == NULL);
    }
    CHECK(wakes <= MINUTES * 60000 / (PF_WHEEL_SLOTS / 2 * TICK) + 2);
}

static void a_clock_that_jumps(void) {
    static pf_timer timers[100];
    const uint64_t year = 365ull * 86400 * 1000;
    pf_wheel wheel;
    pf_wheel_init(&wheel, TICK, START);
    for (uint64_t i = 0; i < 100; i++)
        pf_wheel_add(&wheel, &timers[i], START + i * year);
    for (int fired = 0; fired < 51; fired++)
        CHECK(pf_wheel_advance(&wheel, START + 50 * year + TICK) != NULL);
    CHECK(pf_wheel_advance(&wheel, START + 50 * year + TICK) == NULL);
    CHECK(pf_wheel_advance(&wheel, START) == NULL); /* backwards: nothing happens */
    CHECK(pf_wheel_advance(&wheel, START + 51 * year + TICK) == &timers[51]);
    CHECK(pf_wheel_advance(&wheel, START + 51 * year + TICK) == NULL);
    pf_wheel_add(&wheel, &timers[0], UINT64_MAX); /* never */
    CHECK(pf_wheel_next(&wheel, START + 51 * year + TICK) > 0);
}

int main(void) {
    RUN(an_empty_wheel);
    RUN(at_the_edge_of_a_tick);
    RUN(moved_while_set);
    RUN(set_again_when_it_fires);
    RUN(dropped_between_two_that_fire);
    RUN(far_timers_wake_seldom);
    RUN(a_clock_that_jumps);
    RUN(against_the_model);
    return 0;
}
