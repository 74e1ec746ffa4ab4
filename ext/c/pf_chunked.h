/* The chunked transfer coding (RFC 9112 section 7.1), decoded in place, resumable at every byte.
 *
 * Numbers >= 0 are bytes consumed, negative ones a member of pf_chunked_status.
 */
#ifndef PF_CHUNKED_H
#define PF_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    PF_CHUNKED_BAD_SIZE = -1,
    PF_CHUNKED_BAD_EXTENSION = -2,
    PF_CHUNKED_BAD_LINE_END = -3,
    PF_CHUNKED_BAD_TRAILER = -4,
    PF_CHUNKED_TOO_LONG = -5, /* a size line or the trailer section is over its limit */
} pf_chunked_status;

typedef struct {
    int state;
    uint64_t left;     /* bytes of the current chunk still to come */
    uint32_t line;     /* bytes of the current size line or trailer section so far */
    int done;          /* the last chunk and the trailer section have been consumed */
} pf_chunked;

enum { PF_CHUNKED_LINE_MAX = 4096, PF_CHUNKED_TRAILER_MAX = 16384 };

void pf_chunked_init(pf_chunked *chunked);

/* Consume framing, and at most one run of data: `*data` and `*data_size` say where that run is in `bytes`
 * (size 0: there was only framing). Returns how many bytes were consumed, data included; call again with the rest
 * until `done`, or until it returns 0, which means that more input is needed. */
int64_t pf_chunked_decode(pf_chunked *chunked, const char *bytes, size_t size, const char **data, size_t *data_size);

const char *pf_chunked_reason(int status);

#endif
