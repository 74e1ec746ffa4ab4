/* pf_deflate: messages there and back, the examples of RFC 7692 section 7.2.3, limits, and what is no message. */
#include "check.h"
#include "pf_deflate.h"

enum { LEVEL = 6, BITS = 15, MEMORY = 8, LIMIT = 1 << 20 };

static pf_deflate out_stream, in_stream;
static pf_buf packed, plain;

static void start(void) {
    pf_deflate_free(&out_stream);
    pf_inflate_free(&in_stream);
}

static int pack(const char *data, size_t size, int keep) {
    return pf_deflate_message(&out_stream, &packed, data, size, keep, LEVEL, BITS, MEMORY);
}

static int unpack(const char *data, size_t size, int keep, size_t limit) {
    return pf_inflate_message(&in_stream, &plain, data, size, keep, BITS, limit);
}

static void there_and_back(const char *data, size_t size, int keep) {
    CHECK_EQ(pack(data, size, keep), 0);
    CHECK_EQ(unpack(packed.base, packed.end, keep, LIMIT), 0);
    CHECK_EQ(plain.end, size);
    CHECK_BYTES(plain.base, data, size);
}

static void messages_of_many_sizes(void) {
    static char data[300000];
    unsigned number = 1;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)((number = number * 1103515245 + 12345) >> 24);
    for (int keep = 0; keep < 2; keep++) {
        start();
        for (size_t size = 0; size < 300; size++) there_and_back(data, size, keep);
        for (size_t size = 301; size < sizeof data; size = size * 3 / 2) there_and_back(data, size, keep);
        there_and_back(data, 0, keep);
        there_and_back(data, sizeof data, keep);
    }
}

/* Flushes that end where the room ends: none may leave a second marker or lose a byte. */
static void outputs_of_all_lengths(void) {
    static char data[4096];
    unsigned number = 7;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)((number = number * 1103515245 + 12345) >> 24);
    start();
    for (size_t size = 900; size < 2200; size++) {
        pf_buf_free(&packed);
        there_and_back(data, size, 0);
    }
}

static void a_message_refers_to_the_one_before_if_it_may(void) {
    const char *text = "what was said before need not be said in full again";
    size_t first;
    start();
    CHECK_EQ(pack(text, strlen(text), 1), 0);
    first = packed.end;
    CHECK_EQ(pack(text, strlen(text), 1), 0);
    CHECK(packed.end < first / 2);
    start();
    CHECK_EQ(pack(text, strlen(text), 0), 0);
    CHECK_EQ(pack(text, strlen(text), 0), 0);
    CHECK_EQ(packed.end, first);
}

static void examples_of_the_standard(void) {
    static const struct { const char *wire; size_t size; } examples[] = {
        {"\xf2\x48\xcd\xc9\xc9\x07\x00", 7},                                     /* one block */
        {"\xf2\x00\x11\x00\x00", 5},                                             /* of the context before */
        {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11},                    /* a block that is not compressed */
        {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8},                                 /* a final block */
        {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13},            /* two blocks */
    };
    start();
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        CHECK_EQ(unpack(examples[i].wire, examples[i].size, 1, LIMIT), 0);
        CHECK_EQ(plain.end, 5);
        CHECK_BYTES(plain.base, "Hello", 5);
    }
}

static void a_limit_stops_a_bomb(void) {
    static char zeros[1 << 20];
    start();
    CHECK_EQ(pack(zeros, sizeof zeros, 0), 0);
    pf_buf_free(&plain);
    CHECK_EQ(unpack(packed.base, packed.end, 1, 5000), PF_DEFLATE_TOO_LARGE);
    CHECK(plain.capacity <= 16384);
    CHECK_EQ(unpack(packed.base, packed.end, 1, sizeof zeros - 1), PF_DEFLATE_TOO_LARGE);
    CHECK_EQ(unpack(packed.base, packed.end, 1, sizeof zeros), 0);
    CHECK_EQ(plain.end, sizeof zeros);
    CHECK_EQ(unpack("\0", 1, 1, 0), 0);
}

static void what_is_no_message(void) {
    start();
    CHECK_EQ(unpack("\xff\xff\xff", 3, 1, LIMIT), PF_DEFLATE_BAD);
    CHECK_EQ(unpack("\xf2\x48\xcd", 3, 1, LIMIT), PF_DEFLATE_BAD);               /* cut short */
    CHECK_EQ(unpack("\xf2\x00\x11\x00\x00", 5, 1, LIMIT), PF_DEFLATE_BAD);       /* refers to what never was */
    CHECK_EQ(unpack("\xf2\x48\xcd\xc9\xc9\x07\x00", 7, 1, LIMIT), 0);            /* and the stream works on */
}

int main(void) {
    RUN(messages_of_many_sizes);
    RUN(outputs_of_all_lengths);
    RUN(a_message_refers_to_the_one_before_if_it_may);
    RUN(examples_of_the_standard);
    RUN(a_limit_stops_a_bomb);
    RUN(what_is_no_message);
    start();
    pf_buf_free(&packed);
    pf_buf_free(&plain);
    return 0;
}
