#include "pf_buf.h"

#include <stdint.h>
#include <stdlib.h>

enum { SMALLEST = 512 };

int pf_buf_reserve(pf_buf *buf, size_t more) {
    size_t held = pf_buf_size(buf);
    if (buf->capacity - buf->end >= more)
        return 0;
    if (more > SIZE_MAX / 2 - held)
        return -1;
    /* Moving to the front is free of charge when at least half of the capacity was taken before. */
    if (buf->start >= buf->capacity / 2 && buf->capacity >= held + more) {
        memmove(buf->base, buf->base + buf->start, held);
    } else {
        size_t capacity = buf->capacity ? buf->capacity * 2 : SMALLEST;
        while (capacity < held + more)
            capacity *= 2;
        char *base = malloc(capacity);
        if (base == NULL)
            return -1;
        if (held != 0)
            memcpy(base, buf->base + buf->start, held);
        free(buf->base);
        buf->base = base;
        buf->capacity = capacity;
    }
    buf->start = 0;
    buf->end = held;
    return 0;
}

void pf_buf_free(pf_buf *buf) {
    free(buf->base);
    *buf = (pf_buf){0};
}
