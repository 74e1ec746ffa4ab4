#include "pf_deflate.h"

#include <limits.h>
#include <stdint.h>

enum { ROOM = 1024 };                /* least room that zlib gets to write into */
enum { AT_BLOCK_END = 128 };         /* in z_stream.data_type after inflate */

static const char TAIL[4] = {0, 0, (char)0xFF, (char)0xFF};

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* The next run of the input: zlib counts in unsigned int. */
static void offer(z_stream *zlib, const char **data, size_t *size) {
    size_t run = smaller(*size, UINT_MAX);
    if (zlib->avail_in) return;
    zlib->next_in = (Bytef *)*data;
    zlib->avail_in = (uInt)run;
    *data += run;
    *size -= run;
}

/* Room for the output: about `wanted` bytes, and no more than `most`. */
static int open_room(z_stream *zlib, pf_buf *out, size_t wanted, size_t most) {
    if (pf_buf_reserve(out, smaller(wanted + ROOM, most)) < 0) return -1;
    zlib->next_out = (Bytef *)(out->base + out->end);
    zlib->avail_out = (uInt)smaller(smaller(out->capacity - out->end, most), UINT_MAX);
    return 0;
}

static void note_output(const z_stream *zlib, pf_buf *out) { out->end = (size_t)((char *)zlib->next_out - out->base); }

int pf_deflate_message(pf_deflate *stream, pf_buf *out, const char *data, size_t size, int keep, int level,
                       int window_bits, int memory_level) {
    z_stream *zlib = &stream->zlib;
    out->start = out->end = 0;
    if (size == 0) return pf_buf_append(out, TAIL, 1) < 0 ? PF_DEFLATE_NO_MEMORY : 0; /* section 7.2.3.6 */
    if (!stream->open) {
        if (deflateInit2(zlib, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
            return PF_DEFLATE_NO_MEMORY;
        stream->open = 1;
    }
    do {
        offer(zlib, &data, &size);
        if (open_room(zlib, out, zlib->avail_in / 4, SIZE_MAX) < 0) {
            pf_deflate_free(stream);
            return PF_DEFLATE_NO_MEMORY;
        }
        deflate(zlib, size ? Z_NO_FLUSH : Z_SYNC_FLUSH);
        note_output(zlib, out);
    } while (size || zlib->avail_out == 0);
    out->end -= sizeof TAIL;
    if (!keep) deflateReset(zlib);
    return PF_DEFLATE_OK;
}

static int inflate_all(z_stream *zlib, pf_buf *out, const char *data, size_t size, size_t limit) {
    do {
        offer(zlib, &data, &size);
        /* A byte above the limit shows that there is more. */
        if (open_room(zlib, out, zlib->avail_in * (size_t)4, limit + 1 - out->end) < 0) return PF_DEFLATE_NO_MEMORY;
        int status = inflate(zlib, Z_SYNC_FLUSH);
        note_output(zlib, out);
        if (out->end > limit) return PF_DEFLATE_TOO_LARGE;
        if (status == Z_MEM_ERROR) return PF_DEFLATE_NO_MEMORY;
        if (status == Z_STREAM_END) inflateReset(zlib); /* a final block (section 7.2.3.4): the next one begins anew */
        else if (status != Z_OK && status != Z_BUF_ERROR) return PF_DEFLATE_BAD;
    } while (size || zlib->avail_in || zlib->avail_out == 0);
    return PF_DEFLATE_OK;
}

int pf_inflate_message(pf_deflate *stream, pf_buf *out, const char *data, size_t size, int keep, int window_bits,
                       size_t limit) {
    z_stream *zlib = &stream->zlib;
    int status;
    out->start = out->end = 0;
    if (!stream->open) {
        if (inflateInit2(zlib, -window_bits) != Z_OK) return PF_DEFLATE_NO_MEMORY;
        stream->open = 1;
    }
    status = inflate_all(zlib, out, data, size, limit);
    if (status == PF_DEFLATE_OK) status = inflate_all(zlib, out, TAIL, sizeof TAIL, limit);
    if (status == PF_DEFLATE_OK && !(zlib->data_type & AT_BLOCK_END)) status = PF_DEFLATE_BAD; /* it was cut short */
    if (status < 0) pf_inflate_free(stream);
    else if (!keep) inflateReset(zlib);
    return status;
}

void pf_deflate_free(pf_deflate *stream) {
    if (stream->open) deflateEnd(&stream->zlib);
    *stream = (pf_deflate){0};
}

void pf_inflate_free(pf_deflate *stream) {
    if (stream->open) inflateEnd(&stream->zlib);
    *stream = (pf_deflate){0};
}
