/* libFuzzer: what is no message is refused without harm, a limit holds, and what was compressed comes back.
 *
 * The first two bytes of the input choose the settings, the rest is the message.
 */
#include <stdlib.h>
#include <string.h>

#include "pf_deflate.h"

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

enum { LIMIT = 100000 };

int LLVMFuzzerTestOneInput(const char *bytes, size_t size) {
    pf_deflate deflate = {0}, inflate = {0};
    pf_buf packed = {0}, plain = {0};
    if (size < 2) return 0;
    int level = (unsigned char)bytes[0] % 10, keep = bytes[0] < 0;
    int bits = 9 + (bytes[1] & 7) % 7, memory = 1 + (unsigned char)bytes[1] / 8 % 9;
    bytes += 2;
    size -= 2;
    for (int turn = 0; turn < 2; turn++) {
        int status = pf_inflate_message(&inflate, &plain, bytes, size, keep, bits, LIMIT);
        REQUIRE(status == PF_DEFLATE_OK || status == PF_DEFLATE_BAD || status == PF_DEFLATE_TOO_LARGE);
        REQUIRE(status != PF_DEFLATE_OK || plain.end <= LIMIT);
        REQUIRE(plain.capacity <= 2 * LIMIT + 2048);
    }
    pf_inflate_free(&inflate);
    for (int turn = 0; turn < 2; turn++) {
        REQUIRE(pf_deflate_message(&deflate, &packed, bytes, size, keep, level, bits, memory) == PF_DEFLATE_OK);
        REQUIRE(pf_inflate_message(&inflate, &plain, packed.base, packed.end, keep, bits, size) == PF_DEFLATE_OK);
        REQUIRE(plain.end == size && (size == 0 || memcmp(plain.base, bytes, size) == 0));
    }
    pf_inflate_free(&inflate);
    pf_deflate_free(&deflate);
    pf_buf_free(&packed);
    pf_buf_free(&plain);
    return 0;
}
