/* Assertions of the C tests: a failure says where, and with which values, and ends the program.
 *
 * A test is a `static void name(void)`; main() says RUN(name) for each, and returns 0. A test that hangs is killed.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHECK_SECONDS = 60 }; /* for one test, sanitizers and a busy machine included */

#define CHECK(condition)                                                                \
    do {                                                                                \
        if (!(condition)) {                                                             \
            fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #condition); \
            exit(1);                                                                    \
        }                                                                               \
    } while (0)

/* Two integers. */
#define CHECK_EQ(got, wanted)                                                           \
    do {                                                                                \
        long long got_ = (long long)(got), wanted_ = (long long)(wanted);               \
        if (got_ != wanted_) {                                                          \
            fprintf(stderr, "%s:%d: %s: %s is %lld, wanted %s = %lld\n", __FILE__, __LINE__, __func__, #got, got_, \
                    #wanted, wanted_);                                                  \
            exit(1);                                                                    \
        }                                                                               \
    } while (0)

/* `size` bytes. */
#define CHECK_BYTES(got, wanted, size) CHECK(memcmp((got), (wanted), (size)) == 0)

#define RUN(test)                                                                       \
    do {                                                                                \
        alarm(CHECK_SECONDS);                                                           \
        test();                                                                         \
        alarm(0);                                                                       \
        printf("ok %s\n", #test);                                                       \
        fflush(stdout);                                                                 \
    } while (0)

#endif
