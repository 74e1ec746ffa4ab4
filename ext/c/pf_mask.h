/* The mask of WebSocket payloads (RFC 6455 section 5.3). */
#ifndef PF_MASK_H
#define PF_MASK_H

#include <stddef.h>

/* Writes to `out` the bytes of `data`, each XORed with the byte of `key` at (its place + `offset`) modulo 4.
 * `out` may be `data` itself; otherwise the two must not overlap. Uses 32-byte registers where the processor has them. */
void pf_mask(char *out, const char *data, size_t size, const unsigned char key[4], size_t offset);

#endif
