/* libFuzzer: heads of frames, the mask and the UTF-8 check give the same whole, cut in two and byte by byte.
 *
 * The first byte of the input says where to cut, the rest is the wire.
 * clang -g -O1 -fsanitize=fuzzer,address,undefined -Iext/c tests/fuzz/fuzz_ws.c ext/c/pf_ws.c ext/c/pf_mask.c \
 *     ext/c/pf_utf8.c -o fuzz_ws
 */
#include <stdlib.h>
#include <string.h>

#include "pf_mask.h"
#include "pf_utf8.h"
#include "pf_ws.h"

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

static char *copy_of(const char *bytes, size_t size) {
    char *block = malloc(size ? size : 1);
    REQUIRE(block != NULL);
    memcpy(block, bytes, size);
    return block;
}

/* What the first `size` bytes say, which stand in a block of their own. */
static int parse(const char *bytes, size_t size, unsigned rsv, pf_ws_head *head) {
    char *block = copy_of(bytes, size);
    int status = pf_ws_parse_head(block, size, rsv, head);
    free(block);
    return status;
}

static void heads(const char *bytes, size_t size, unsigned rsv) {
    char again[PF_WS_HEAD_MAX];
    pf_ws_head whole, part;
    int status = parse(bytes, size, rsv, &whole);
    REQUIRE(status >= PF_WS_BAD_LENGTH && status <= PF_WS_HEAD_MAX && status <= (int)size);
    for (size_t end = 0; end < size && end < PF_WS_HEAD_MAX; end++) {
        int early = parse(bytes, end, rsv, &part);
        REQUIRE(early == PF_WS_AGAIN || early == status);
        REQUIRE(status <= 0 || early == PF_WS_AGAIN || end >= (size_t)status);
    }
    if (status <= 0) return;
    int length = pf_ws_put_head(again, whole.first, whole.size, whole.masked ? whole.key : NULL);
    REQUIRE(length <= status); /* shorter where the length was not written in its shortest form */
    REQUIRE(parse(again, length, rsv, &part) == length && part.size == whole.size && part.first == whole.first);
}

static void masks(const char *bytes, size_t size, size_t place) {
    const unsigned char key[4] = {0x12, 0x34, 0x56, 0x78};
    char *whole = copy_of(bytes, size), *parts = copy_of(bytes, size);
    pf_mask(whole, whole, size, key, 0);
    pf_mask(parts, bytes, place, key, 0);
    pf_mask(parts + place, bytes + place, size - place, key, place);
    REQUIRE(memcmp(whole, parts, size) == 0);
    for (size_t at = 0; at < size; at++) REQUIRE(whole[at] == (char)(bytes[at] ^ key[at % 4]));
    free(whole);
    free(parts);
}

static int utf8(pf_utf8 *state, const char *bytes, size_t size) {
    char *block = copy_of(bytes, size);
    int status = pf_utf8_check(state, block, size);
    free(block);
    return status;
}

static void texts(const char *bytes, size_t size, size_t place) {
    pf_utf8 whole = {0}, parts = {0}, single = {0};
    int status = utf8(&whole, bytes, size), bad = utf8(&parts, bytes, place), wrong = 0;
    if (!bad) bad = utf8(&parts, bytes + place, size - place);
    for (size_t at = 0; at < size && !wrong; at++) wrong = utf8(&single, bytes + at, 1);
    REQUIRE(status == bad && status == wrong);
    REQUIRE(status || (whole.left == parts.left && whole.left == single.left));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size) {
    if (input_size < 2) return 0;
    const char *bytes = (const char *)input + 1;
    size_t size = input_size - 1, place = size * input[0] / 255;
    heads(bytes, size, 0);
    heads(bytes, size, PF_WS_RSV1);
    masks(bytes, size, place);
    texts(bytes, size, place);
    return 0;
}
