/* pf_mask against the definition, one byte after the other (RFC 6455 section 5.3): all sizes around the ends of words and
 * registers, all offsets into the key, in place and not. */
#include "check.h"
#include "pf_mask.h"

enum { LONGEST = 200 };

static const unsigned char key[4] = {0x11, 0xA2, 0x00, 0xFF};

static void fill(char *data, size_t size) {
    for (size_t i = 0; i < size; i++) data[i] = (char)(i * 37 + 5);
}

static void as_the_standard_says(void) {
    for (size_t size = 0; size <= LONGEST; size++)
        for (size_t offset = 0; offset < 6; offset++) {
            char *data = malloc(size + 1), *out = malloc(size + 1); /* the sanitizer sees a byte too many */
            fill(data, size + 1);
            out[size] = '!';
            pf_mask(out, data, size, key, offset);
            for (size_t i = 0; i < size; i++) CHECK_EQ((unsigned char)out[i], (unsigned char)data[i] ^ key[(i + offset) % 4]);
            CHECK_EQ(out[size], '!');
            pf_mask(data, data, size, key, offset);
            CHECK_BYTES(data, out, size);
            free(data);
            free(out);
        }
}

static void a_message_in_two_runs_is_the_message(void) {
    char data[LONGEST], whole[LONGEST], parts[LONGEST];
    fill(data, sizeof data);
    pf_mask(whole, data, sizeof data, key, 0);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        pf_mask(parts, data, cut, key, 0);
        pf_mask(parts + cut, data + cut, sizeof data - cut, key, cut);
        CHECK_BYTES(parts, whole, sizeof data);
    }
}

int main(void) {
    RUN(as_the_standard_says);
    RUN(a_message_in_two_runs_is_the_message);
    return 0;
}
