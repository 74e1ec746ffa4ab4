#include "pf_utf8.h"

#include <stdint.h>
#include <string.h>

static size_t skip_ascii(const char *data, size_t size) {
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    uint64_t word;
    size_t at = 0;
    for (; size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, data + at, sizeof word);
        if (word & high_bits) break;
    }
    while (at < size && !(data[at] & 0x80)) at++;
    return at;
}

static int begin(pf_utf8 *utf8, unsigned char lead) {
    if (lead < 0xC2 || lead > 0xF4) return -1;
    utf8->left = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    utf8->low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;  /* nothing longer than it must be */
    utf8->high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF; /* no surrogates, nothing above U+10FFFF */
    return 0;
}

int pf_utf8_check(pf_utf8 *utf8, const char *data, size_t size) {
    size_t at = 0;
    while (at < size) {
        if (utf8->left == 0) {
            at += skip_ascii(data + at, size - at);
            if (at == size) break;
            if (begin(utf8, (unsigned char)data[at++])) return -1;
            continue;
        }
        unsigned char next = (unsigned char)data[at++];
        if (next < utf8->low || next > utf8->high) return -1;
        utf8->left--;
        utf8->low = 0x80;
        utf8->high = 0xBF;
    }
    return 0;
}
