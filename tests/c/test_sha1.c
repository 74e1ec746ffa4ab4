/* pf_sha1 against the vectors of RFC 3174, section 7.3, and of FIPS 180; tests/ext/test_response.py compares every
 * length around the ends of blocks with another implementation. */
#include "check.h"
#include "pf_sha1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect(const char *data, size_t size, const char *hex) {
    unsigned char digest[PF_SHA1_SIZE];
    char shown[2 * PF_SHA1_SIZE + 1];
    pf_sha1(data, size, digest);
    for (int i = 0; i < PF_SHA1_SIZE; i++)
        snprintf(shown + 2 * i, 3, "%02x", digest[i]);
    CHECK(strcmp(shown, hex) == 0);
}

static void vectors_of_the_standards(void) {
    expect("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    expect("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

static void many_blocks(void) {
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    expect(million, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(million);
}

int main(void) {
    RUN(vectors_of_the_standards);
    RUN(many_blocks);
    return 0;
}
