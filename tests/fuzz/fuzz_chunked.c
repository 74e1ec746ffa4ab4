/* libFuzzer: a chunked body decoded whole, cut in two and byte by byte gives the same.
 *
 * The first byte of the input says where to cut, the rest is the wire.
 * clang -g -O1 -fsanitize=fuzzer,address,undefined -Iext/c tests/fuzz/fuzz_chunked.c ext/c/pf_chunked.c -o fuzz_chunked
 */
#include <stdlib.h>
#include <string.h>

#include "pf_chunked.h"

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

typedef struct {
    pf_chunked chunked;
    char *body;
    size_t body_size, used;
    int status;
} decoding;

static void *allocate(size_t size) {
    void *block = malloc(size ? size : 1);
    REQUIRE(block != NULL);
    return block;
}

/* Decode one piece of the wire, which stands in a block of its own size. */
static void feed(decoding *decoding, const char *bytes, size_t size) {
    char *piece = allocate(size);
    memcpy(piece, bytes, size);
    size_t at = 0;
    while (at < size && decoding->status == 0 && !decoding->chunked.done) {
        const char *data;
        size_t data_size;
        int64_t used = pf_chunked_decode(&decoding->chunked, piece + at, size - at, &data, &data_size);
        REQUIRE(used != 0 && used >= PF_CHUNKED_TOO_LONG && used <= (int64_t)(size - at));
        if (used < 0) {
            decoding->status = (int)used;
        } else {
            REQUIRE(data >= piece + at && data_size <= (size_t)used);
            REQUIRE(data_size == 0 || data + data_size == piece + at + used);
            memcpy(decoding->body + decoding->body_size, data, data_size);
            decoding->body_size += data_size;
            at += (size_t)used;
        }
    }
    decoding->used += at;
    free(piece);
}

static decoding decode(const char *bytes, size_t size, size_t first, size_t step) {
    decoding result = {.body = allocate(size)};
    pf_chunked_init(&result.chunked);
    for (size_t at = 0, piece = first; at < size; at += piece, piece = step) {
        if (piece > size - at)
            piece = size - at;
        feed(&result, bytes + at, piece);
    }
    return result;
}

static void require_same(const decoding *one, decoding other) {
    REQUIRE(one->status == other.status && one->chunked.done == other.chunked.done);
    REQUIRE(one->body_size == other.body_size && memcmp(one->body, other.body, one->body_size) == 0);
    REQUIRE(one->status < 0 || one->used == other.used);
    free(other.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size) {
    if (input_size < 2)
        return 0;
    const char *bytes = (const char *)input + 1;
    size_t size = input_size - 1, place = 1 + (size - 1) * input[0] / 255;
    decoding whole = decode(bytes, size, size, size);
    require_same(&whole, decode(bytes, size, place, size));
    require_same(&whole, decode(bytes, size, 1, 1));
    free(whole.body);
    return 0;
}
