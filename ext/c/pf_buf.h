/* A growable run of bytes: append at the end, take from the front. The one allocation of the plain C code. */
#ifndef PF_BUF_H
#define PF_BUF_H

#include <stddef.h>
#include <string.h>

typedef struct {
    char *base;      /* NULL while nothing is held */
    size_t start;    /* the first byte that was not taken */
    size_t end;      /* behind the last byte */
    size_t capacity;
} pf_buf;

static inline size_t pf_buf_size(const pf_buf *buf) { return buf->end - buf->start; }
static inline char *pf_buf_data(const pf_buf *buf) { return buf->base + buf->start; }

/* Make room for `more` bytes behind the end. 0, or -1 when there is no memory. */
int pf_buf_reserve(pf_buf *buf, size_t more);
void pf_buf_free(pf_buf *buf);

static inline int pf_buf_append(pf_buf *buf, const char *bytes, size_t size) {
    if (buf->capacity - buf->end < size && pf_buf_reserve(buf, size) < 0)
        return -1;
    if (size != 0)
        memcpy(buf->base + buf->end, bytes, size);
    buf->end += size;
    return 0;
}

/* Drop `size` bytes from the front; an emptied buffer starts over at its beginning. */
static inline void pf_buf_take(pf_buf *buf, size_t size) {
    buf->start += size;
    if (buf->start == buf->end)
        buf->start = buf->end = 0;
}

#endif
