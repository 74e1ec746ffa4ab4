/* The character classes of HTTP's grammar, as one table. CR and LF are in none of them. */
#ifndef PF_CHARS_H
#define PF_CHARS_H

#include <stdint.h>

enum {
    PF_TOKEN = 1,   /* tchar, RFC 9110 section 5.6.2 */
    PF_VALUE = 2,   /* field-vchar, SP and HTAB, RFC 9110 section 5.5 */
    PF_TARGET = 4,  /* visible, or above ASCII: browsers and old clients send more than RFC 3986 allows */
    PF_NAME = 8,    /* unreserved and sub-delims of RFC 3986, without the comma: it would join two Host fields */
    PF_HEX = 16,
    PF_DIGIT = 32,
    PF_ALPHA = 64,
};

static const uint8_t pf_chars[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,                 /* 00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                 /* 10 */
    2, 15, 6, 7, 15, 7, 15, 15, 14, 14, 15, 15, 6, 15, 15, 6,       /* 20 */
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 6, 14, 6, 14, 6, 6,     /* 30 */
    6, 95, 95, 95, 95, 95, 95, 79, 79, 79, 79, 79, 79, 79, 79, 79,  /* 40 */
    79, 79, 79, 79, 79, 79, 79, 79, 79, 79, 79, 6, 6, 6, 7, 15,     /* 50 */
    7, 95, 95, 95, 95, 95, 95, 79, 79, 79, 79, 79, 79, 79, 79, 79,  /* 60 */
    79, 79, 79, 79, 79, 79, 79, 79, 79, 79, 79, 6, 7, 6, 15, 0,     /* 70 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,                 /* 80 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,                 /* 90 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,                 /* a0 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,                 /* b0 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,                 /* c0 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,                 /* d0 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,                 /* e0 */
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,                 /* f0 */
};

static inline int pf_char_is(char byte, int classes) { return pf_chars[(uint8_t)byte] & classes; }

/* The value of a PF_HEX character. */
static inline int pf_hex_value(char digit) { return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10; }

#endif
