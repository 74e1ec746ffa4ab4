/* Messages compressed and decompressed by zlib, as permessage-deflate wants them (RFC 7692 section 7.2). */
#ifndef PF_DEFLATE_H
#define PF_DEFLATE_H

#include <stddef.h>
#include <zlib.h>

#include "pf_buf.h"

enum { PF_DEFLATE_OK = 0, PF_DEFLATE_TOO_LARGE = -1, PF_DEFLATE_BAD = -2, PF_DEFLATE_NO_MEMORY = -3 };

typedef struct {
    z_stream zlib; /* all zero to begin with */
    int open;      /* zlib holds memory for it, taken at the first message */
} pf_deflate;

/* The message `data` compressed, without the four bytes that end each; it replaces what `out` holds. `keep`: the next
 * message may refer back to this one. `level`, `window_bits` (9 to 15), `memory_level`: as of zlib's deflateInit2. */
int pf_deflate_message(pf_deflate *stream, pf_buf *out, const char *data, size_t size, int keep, int level,
                       int window_bits, int memory_level);

/* The message `data` decompressed; it replaces what `out` holds. No more than `limit` bytes and one are made of it.
 * `keep`: the next message may refer back to this one. `window_bits`: 8 to 15. */
int pf_inflate_message(pf_deflate *stream, pf_buf *out, const char *data, size_t size, int keep, int window_bits,
                       size_t limit);

void pf_deflate_free(pf_deflate *stream);
void pf_inflate_free(pf_deflate *stream);

#endif
