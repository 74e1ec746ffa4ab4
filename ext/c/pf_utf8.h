/* UTF-8 (RFC 3629) checked as it comes: fails at the first byte that cannot be right. */
#ifndef PF_UTF8_H
#define PF_UTF8_H

#include <stddef.h>

typedef struct {
    unsigned char left; /* continuation bytes that the character still needs; 0 between characters */
    unsigned char low;  /* the range of the next of them */
    unsigned char high;
} pf_utf8; /* all zero to begin with */

/* 0, or -1 if `data` cannot follow what was checked before. The text may end here if `left` is 0. */
int pf_utf8_check(pf_utf8 *utf8, const char *data, size_t size);

#endif
