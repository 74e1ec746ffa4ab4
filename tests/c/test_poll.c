/* Every promise of pf_poll.h, for whichever backend this is linked with. */
#define _GNU_SOURCE
#include "pf_poll.h"

#include "check.h"
#include "polling.h"
#include "sockets.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { R = PF_POLL_READ, W = PF_POLL_WRITE, E = PF_POLL_ERROR };

enum { NUMBER = 3000 }; /* a descriptor above 1,024, where select(2) ends */

static void allow_descriptors(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur <= NUMBER) {
        limit.rlim_cur = NUMBER + 1;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
}

static void opens_and_closes(void) {
    pf_poll poll;
    open_poll(&poll);
    CHECK(fcntl(poll.fd, F_GETFD) & FD_CLOEXEC);
    if (poll.wake_fd >= 0) {
        CHECK(fcntl(poll.wake_fd, F_GETFD) & FD_CLOEXEC);
        CHECK(fcntl(poll.wake_fd, F_GETFL) & O_NONBLOCK);
    }
    int fd = poll.fd, wake_fd = poll.wake_fd;
    pf_poll_close(&poll);
    CHECK(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
    CHECK(wake_fd < 0 || (fcntl(wake_fd, F_GETFD) < 0 && errno == EBADF));
    CHECK_EQ(poll.fd, -1);
    pf_poll_close(&poll); /* once more does nothing */
}

static void no_descriptor_left(void) {
    struct rlimit before, none;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    none = before;
    none.rlim_cur = 0;
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    pf_poll poll;
    CHECK_EQ(pf_poll_open(&poll), -EMFILE);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK_EQ(poll.fd, -1);
    CHECK_EQ(poll.wake_fd, -1);
}

static void nothing_ready(void) {
    pf_poll poll;
    open_poll(&poll);
    pf_poll_event event;
    CHECK_EQ(pf_poll_wait(&poll, &event, 1, 0), 0);
    CHECK_EQ(pf_poll_wait(&poll, &event, 1, 1), 0);
    pf_poll_close(&poll);
}

static void mask_changes(void) {
    static const unsigned path[] = {0, R, R | W, W, 0, W, R, W | R, 0};
    int pair[2];
    pf_poll poll;
    open_pair(pair);
    open_poll(&poll);
    send_byte(pair[1]); /* readable and writable from here on */
    for (size_t i = 1; i < sizeof path / sizeof *path; i++) {
        set(&poll, pair[0], path[i - 1], path[i], 100 + i);
        if (path[i] == 0)
            check_quiet(&poll);
        else
            for (int again = 0; again < 3; again++) /* level-triggered */
                CHECK_EQ(await(&poll, 100 + i), path[i]);
    }
    set(&poll, pair[0], 0, 0, 1);
    close_pair(pair);
    pf_poll_close(&poll);
}

static void write_readiness(void) {
    int pair[2];
    pf_poll poll;
    open_pair(pair);
    open_poll(&poll);
    set(&poll, pair[0], 0, R | W, 1);
    CHECK_EQ(await(&poll, 1), W);
    fill(pair[0]);
    check_quiet(&poll);
    send_byte(pair[1]);
    CHECK_EQ(await(&poll, 1), R);
    drain(pair[1]);
    CHECK_EQ(await(&poll, 1), R | W);
    close_pair(pair);
    pf_poll_close(&poll);
}

static void one_event_an_fd(void) {
    enum { COUNT = 300 }; /* more than one batch */
    static int pairs[COUNT][2];
    static pf_poll_event events[2 * COUNT];
    pf_poll poll;
    open_poll(&poll);
    for (int i = 0; i < COUNT; i++) {
        open_pair(pairs[i]);
        send_byte(pairs[i][1]);
        set(&poll, pairs[i][0], 0, i % 3 ? R | W : R, (uint64_t)i);
    }
    for (int seen = 0; seen < COUNT;) {
        int count = pf_poll_wait(&poll, events, 2 * COUNT, -1);
        CHECK(count > 0);
        for (int k = 0; k < count; k++) {
            uint64_t i = events[k].token;
            CHECK(i < COUNT && pairs[i][0] >= 0); /* nothing twice, here or after it was unwatched */
            CHECK_EQ(events[k].mask, i % 3 ? R | W : R);
            set(&poll, pairs[i][0], i % 3 ? R | W : R, 0, i);
            close_pair(pairs[i]);
            pairs[i][0] = -1;
            seen++;
        }
    }
    check_quiet(&poll);
    pf_poll_close(&poll);
}

static void small_capacity(void) {
    enum { COUNT = 10 };
    int pairs[COUNT][2];
    pf_poll poll;
    open_poll(&poll);
    for (int i = 0; i < COUNT; i++) {
        open_pair(pairs[i]);
        send_byte(pairs[i][1]);
        set(&poll, pairs[i][0], 0, R, (uint64_t)i);
    }
    unsigned seen = 0;
    for (int calls = 0; calls < COUNT; calls++) { /* one event a call: each fd has its turn */
        pf_poll_event event;
        CHECK_EQ(pf_poll_wait(&poll, &event, 1, 0), 1);
        drain(pairs[event.token][0]);
        seen |= 1u << event.token;
    }
    CHECK_EQ(seen, (1u << COUNT) - 1);
    check_quiet(&poll);
    for (int i = 0; i < COUNT; i++)
        close_pair(pairs[i]);
    pf_poll_close(&poll);
}

/* Two ready descriptors: the handler of the first closes the second, whose number goes to a new socket at once. */
static void reuse_within_a_batch(void) {
    int pairs[2][2], fresh[2];
    pf_poll poll;
    pf_poll_event events[8];
    open_poll(&poll);
    for (int i = 0; i < 2; i++) {
        open_pair(pairs[i]);
        send_byte(pairs[i][1]);
        set(&poll, pairs[i][0], 0, R, (uint64_t)i);
    }
    CHECK_EQ(pf_poll_wait(&poll, events, 8, -1), 2);
    CHECK_EQ(events[0].token + events[1].token, 1);
    int first = (int)events[0].token, second = (int)events[1].token, number = pairs[second][0];

    set(&poll, number, R, 0, (uint64_t)second);
    open_pair(fresh);
    CHECK(dup2(fresh[0], number) == number);
    close(fresh[0]);
    set(&poll, number, 0, R, 77);
    CHECK(events[1].token != 77); /* what the rest of the batch still says is about the old owner */

    drain(pairs[first][0]);
    check_quiet(&poll);
    send_byte(fresh[1]);
    CHECK_EQ(await(&poll, 77), R);
    close_pair(pairs[0]);
    close_pair(pairs[1]);
    close(fresh[1]);
    pf_poll_close(&poll);
}

static void removal_within_a_batch(void) {
    int pairs[2][2];
    pf_poll poll;
    pf_poll_event events[8];
    open_poll(&poll);
    for (int i = 0; i < 2; i++) {
        open_pair(pairs[i]);
        send_byte(pairs[i][1]);
        set(&poll, pairs[i][0], 0, R | W, (uint64_t)i);
    }
    CHECK_EQ(pf_poll_wait(&poll, events, 8, -1), 2);
    uint64_t other = events[1].token;
    set(&poll, pairs[other][0], R | W, 0, other);
    CHECK_EQ(await(&poll, events[0].token), R | W);
    close_pair(pairs[0]);
    close_pair(pairs[1]);
    pf_poll_close(&poll);
}

/* Put a new socket under the number of pair[0] without a word to the poller. */
static void replace(int pair[2]) {
    int fresh[2];
    open_pair(fresh);
    close(pair[0]);
    close(pair[1]);
    CHECK(dup2(fresh[0], pair[0]) == pair[0]);
    close(fresh[0]);
    pair[1] = fresh[1];
}

static void closed_behind_its_back(void) {
    int pair[2];
    pf_poll poll;
    open_poll(&poll);
    open_pair(pair);
    set(&poll, pair[0], 0, R, 1);

    replace(pair); /* thought to be watched, but is not */
    set(&poll, pair[0], R, R | W, 2);
    send_byte(pair[1]);
    CHECK_EQ(await(&poll, 2), R | W);

    set(&poll, pair[0], 0, R, 3); /* thought not to be watched, but is: with another mask and token */
    CHECK_EQ(await(&poll, 3), R);

    replace(pair);
    set(&poll, pair[0], R, 0, 3);
    check_quiet(&poll);

    set(&poll, pair[0], 0, R, 4);
    close_pair(pair);
    set(&poll, pair[0], R, 0, 4);
    CHECK_EQ(pf_poll_set(&poll, pair[0], 0, R, 5), -EBADF);
    CHECK_EQ(pf_poll_set(&poll, pair[0], R, W, 5), -EBADF);

    open_pair(pair);
    set(&poll, pair[0], 0, R, 6);
    int null = open("/dev/null", O_RDWR); /* on Linux nothing that epoll can watch */
    CHECK(dup2(null, pair[0]) == pair[0]);
    close(null);
    set(&poll, pair[0], R, 0, 6);
    check_quiet(&poll);
    close_pair(pair);
    pf_poll_close(&poll);
}

static void above_1024(void) {
    int pair[2];
    pf_poll poll;
    open_poll(&poll);
    open_pair(pair);
    CHECK(dup2(pair[0], NUMBER) == NUMBER);
    close(pair[0]);
    pair[0] = NUMBER;
    set(&poll, NUMBER, 0, R, NUMBER);
    check_quiet(&poll);
    send_byte(pair[1]);
    CHECK_EQ(await(&poll, NUMBER), R);
    set(&poll, NUMBER, R, 0, NUMBER);
    check_quiet(&poll);
    close_pair(pair);
    pf_poll_close(&poll);
}

static void hang_up_of_a_socket(void) {
    char bytes[8];
    int pair[2];
    pf_poll poll;
    open_poll(&poll);
    open_pair(pair);
    set(&poll, pair[0], 0, R, 1);
    CHECK_EQ(write(pair[1], "last", 4), 4);
    close(pair[1]);
    CHECK(await(&poll, 1) & R); /* the bytes before the end are there to be read */
    CHECK_EQ(read(pair[0], bytes, sizeof bytes), 4);
    CHECK(await(&poll, 1) & R);
    CHECK_EQ(read(pair[0], bytes, sizeof bytes), 0);
    set(&poll, pair[0], R, W, 2);
    CHECK(await(&poll, 2) & E); /* unasked */
    close(pair[0]);
    pf_poll_close(&poll);
}

static void watched_for_errors_alone(void) {
    int pair[2];
    pf_poll poll;
    open_poll(&poll);
    open_pair(pair);
    set(&poll, pair[0], 0, E, 1);
    send_byte(pair[1]); /* readable and writable, but nobody asked */
    check_quiet(&poll);
    set(&poll, pair[0], E, R | E, 2);
    CHECK_EQ(await(&poll, 2), R);
    set(&poll, pair[0], R | E, E, 3);
    check_quiet(&poll);
    close(pair[1]);
    if (poll.wake_fd >= 0) /* epoll */
        CHECK_EQ(await(&poll, 3), E);
    else
        check_quiet(&poll);
    set(&poll, pair[0], E, R | W | E, 4);
    CHECK_EQ(await(&poll, 4), R | W | E);
    close(pair[0]);
    pf_poll_close(&poll);
}

static void half_close_is_no_error(void) {
    char byte;
    int pairs[2][2];
    pf_poll poll;
    open_poll(&poll);
    open_pair(pairs[0]);
    open_tcp(pairs[1]);
    for (int i = 0; i < 2; i++) {
        set(&poll, pairs[i][0], 0, R | W, 1);
        CHECK_EQ(await(&poll, 1), W);
        shutdown(pairs[i][1], SHUT_WR);
        set(&poll, pairs[i][0], R | W, R, 1);
        CHECK_EQ(await(&poll, 1), R);
        CHECK_EQ(read(pairs[i][0], &byte, 1), 0);
        set(&poll, pairs[i][0], R, R | W, 1);
        CHECK_EQ(await(&poll, 1), R | W);
        send_byte(pairs[i][0]);
        CHECK_EQ(read(pairs[i][1], &byte, 1), 1);
        close_pair(pairs[i]);
    }
    pf_poll_close(&poll);
}

/* Close with a reset; the other end of the connection is told, whatever it waits for. */
static void reset_of_a_connection(void) {
    static const unsigned masks[] = {R, W, R | W};
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    pf_poll poll;
    open_poll(&poll);
    for (int i = 0; i < 3; i++) {
        int pair[2], error = 0;
        socklen_t size = sizeof error;
        open_tcp(pair);
        set(&poll, pair[0], 0, masks[i], 1);
        CHECK(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
        close(pair[1]);
        unsigned wanted = masks[i] | E;
        while ((await(&poll, 1) & wanted) != wanted) /* writable before that, perhaps */
            ;
        CHECK(getsockopt(pair[0], SOL_SOCKET, SO_ERROR, &error, &size) == 0);
        CHECK_EQ(error, ECONNRESET);
        close(pair[0]);
    }
    pf_poll_close(&poll);
}

static void ends_of_a_pipe(void) {
    char byte;
    int ends[2];
    pf_poll poll;
    open_poll(&poll);
    CHECK(pipe(ends) == 0);
    set(&poll, ends[0], 0, R, 1);
    check_quiet(&poll);
    send_byte(ends[1]);
    close(ends[1]);
    CHECK(await(&poll, 1) & R);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK(await(&poll, 1) & (R | E)); /* at the end: either, and reading does not block */
    CHECK_EQ(read(ends[0], &byte, 1), 0);
    close(ends[0]);

    CHECK(pipe(ends) == 0);
    unblock(ends[1]);
    fill(ends[1]);
    set(&poll, ends[1], 0, W, 2);
    check_quiet(&poll);
    close(ends[0]);
    CHECK(await(&poll, 2) & E);
    close(ends[1]);
    pf_poll_close(&poll);
}

static void on_alarm(int number) { (void)number; }

static void interrupted_wait(void) {
    pf_poll poll;
    pf_poll_event event;
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART}, before;
    struct itimerval often = {.it_interval = {0, 1000}, .it_value = {0, 1000}}, never = {0};
    open_poll(&poll);
    CHECK(sigaction(SIGALRM, &action, &before) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0); /* again and again: one signal finds the wait begun */
    CHECK_EQ(pf_poll_wait(&poll, &event, 1, -1), 0);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(sigaction(SIGALRM, &before, NULL) == 0);
    pf_poll_close(&poll);
}

static void wakes_before_the_wait_coalesce(void) {
    pf_poll poll;
    open_poll(&poll);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(pf_poll_wake(&poll), 0);
    CHECK_EQ(await(&poll, PF_POLL_WOKEN), R);
    check_quiet(&poll);
    if (poll.wake_fd >= 0) { /* the eventfd counts no further */
        uint64_t most = UINT64_MAX - 1;
        CHECK_EQ(write(poll.wake_fd, &most, sizeof most), sizeof most);
        CHECK_EQ(pf_poll_wake(&poll), 0);
        await(&poll, PF_POLL_WOKEN);
        check_quiet(&poll);
    }
    pf_poll_close(&poll);
    CHECK_EQ(pf_poll_wake(&poll), -EBADF);
}

static void wake_beside_an_event(void) {
    int pair[2];
    pf_poll poll;
    pf_poll_event events[8];
    open_poll(&poll);
    open_pair(pair);
    set(&poll, pair[0], 0, R, 5);
    send_byte(pair[1]);
    pf_poll_wake(&poll);
    CHECK_EQ(pf_poll_wait(&poll, events, 8, -1), 2);
    CHECK(events[0].token != events[1].token);
    CHECK_EQ(await(&poll, 5), R); /* the wake is used up, the bytes are not */
    close_pair(pair);
    pf_poll_close(&poll);
}

static void *answer_wakes(void *argument) {
    pf_poll *polls = argument;
    pf_poll_event event;
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(pf_poll_wait(&polls[0], &event, 1, -1), 1);
        CHECK_EQ(pf_poll_wake(&polls[1]), 0);
    }
    return NULL;
}

/* Ping-pong: each wake finds the other thread in its wait, or on the way there; none may be lost or doubled. */
static void wakes_between_threads(void) {
    pf_poll polls[2];
    pthread_t thread;
    open_poll(&polls[0]);
    open_poll(&polls[1]);
    CHECK(pthread_create(&thread, NULL, answer_wakes, polls) == 0);
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(pf_poll_wake(&polls[0]), 0);
        await(&polls[1], PF_POLL_WOKEN);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    check_quiet(&polls[0]);
    check_quiet(&polls[1]);
    pf_poll_close(&polls[0]);
    pf_poll_close(&polls[1]);
}

static pf_poll *signalled;

static void wake_from_signal(int number) {
    (void)number;
    pf_poll_wake(signalled);
}

static void wake_keeps_errno(void) {
    pf_poll poll, closed = {.fd = -1, .wake_fd = -1};
    struct sigaction action = {.sa_handler = wake_from_signal}, before;
    open_poll(&poll);
    signalled = &poll;
    CHECK(sigaction(SIGUSR1, &action, &before) == 0);
    errno = 12345;
    raise(SIGUSR1);
    CHECK_EQ(errno, 12345);
    CHECK(pf_poll_wake(&closed) < 0);
    CHECK_EQ(errno, 12345);
    await(&poll, PF_POLL_WOKEN);
    CHECK(sigaction(SIGUSR1, &before, NULL) == 0);
    pf_poll_close(&poll);
}

static void in_the_child(pf_poll *inherited, int watched) {
    int pair[2];
    pf_poll own;
    pf_poll_close(inherited);
    open_poll(&own);
    open_pair(pair);
    check_quiet(&own);
    set(&own, watched, 0, W, 8); /* the parent's descriptor, in a poller of the child's */
    CHECK_EQ(await(&own, 8), W);
    set(&own, watched, W, 0, 8);
    set(&own, pair[0], 0, R, 9);
    send_byte(pair[1]);
    CHECK_EQ(await(&own, 9), R);
    pf_poll_wake(&own);
    set(&own, pair[0], R, 0, 9);
    await(&own, PF_POLL_WOKEN);
    pf_poll_close(&own);
}

static void fork_leaves_the_parent_alone(void) {
    int pair[2], status;
    pf_poll poll;
    open_poll(&poll);
    open_pair(pair);
    set(&poll, pair[0], 0, R, 1);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        in_the_child(&poll, pair[0]);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    check_quiet(&poll);
    send_byte(pair[1]);
    CHECK_EQ(await(&poll, 1), R);
    set(&poll, pair[0], R, 0, 1);
    pf_poll_wake(&poll);
    await(&poll, PF_POLL_WOKEN);
    close_pair(pair);
    pf_poll_close(&poll);
}

/* Whether poll(2), which is what a foreign event loop may use, sees the poller's descriptor as readable. */
static int readable(pf_poll *poller) {
    struct pollfd host = {.fd = poller->fd, .events = POLLIN};
    CHECK(poll(&host, 1, 0) >= 0);
    return host.revents & POLLIN;
}

static void guest_of_another_poller(void) {
    int pair[2];
    pf_poll host, guest;
    open_poll(&host);
    open_poll(&guest);
    open_pair(pair);
    set(&host, guest.fd, 0, R, 1);
    set(&guest, pair[0], 0, R, 2);
    check_quiet(&host);
    CHECK(!readable(&guest));

    send_byte(pair[1]);
    for (int again = 0; again < 2; again++) { /* until the byte has been taken */
        CHECK(readable(&guest));
        CHECK_EQ(await(&host, 1), R);
        CHECK_EQ(await(&guest, 2), R);
    }
    drain(pair[0]);
    check_quiet(&host);
    CHECK(!readable(&guest));

    pf_poll_wake(&guest);
    CHECK(readable(&guest));
    CHECK_EQ(await(&host, 1), R);
    await(&guest, PF_POLL_WOKEN);
    check_quiet(&host);
    CHECK(!readable(&guest));

    close_pair(pair);
    pf_poll_close(&guest);
    pf_poll_close(&host);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    allow_descriptors();
    RUN(opens_and_closes);
    RUN(no_descriptor_left);
    RUN(nothing_ready);
    RUN(mask_changes);
    RUN(write_readiness);
    RUN(one_event_an_fd);
    RUN(small_capacity);
    RUN(reuse_within_a_batch);
    RUN(removal_within_a_batch);
    RUN(closed_behind_its_back);
    RUN(above_1024);
    RUN(hang_up_of_a_socket);
    RUN(watched_for_errors_alone);
    RUN(half_close_is_no_error);
    RUN(reset_of_a_connection);
    RUN(ends_of_a_pipe);
    RUN(interrupted_wait);
    RUN(wakes_before_the_wait_coalesce);
    RUN(wake_beside_an_event);
    RUN(wakes_between_threads);
    RUN(wake_keeps_errno);
    RUN(fork_leaves_the_parent_alone);
    RUN(guest_of_another_poller);
    return 0;
}
