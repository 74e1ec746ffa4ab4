/* Parses what it reads from standard input, whole, cut in two at every place and byte by byte, and prints the result.
 *
 * In: a line "request", "response" or "chunked", a space and a size; then so many bytes. Out: a line of JSON, strings
 * in hexadecimal and errors as numbers; {"differs": n} if a cut behind n bytes (0: behind each byte) gives another
 * result than the whole.
 * Every piece stands in a block of its own size, so that a sanitizer sees each byte read behind it.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pf_chunked.h"
#include "pf_http1.h"

enum { CUTS_MAX = 400 }; /* long inputs are cut at so many places only */

static void *allocate(size_t size) {
    void *block = malloc(size ? size : 1);
    if (block == NULL)
        abort();
    return block;
}

static char *copy(const char *bytes, size_t size) {
    char *block = allocate(size);
    memcpy(block, bytes, size);
    return block;
}

static void print_bytes(FILE *out, const char *bytes, size_t size) {
    fputc('"', out);
    for (size_t i = 0; i < size; i++)
        fprintf(out, "%02x", (unsigned char)bytes[i]);
    fputc('"', out);
}

static void print_span(FILE *out, const char *label, const char *bytes, pf_span span) {
    fprintf(out, ", \"%s\": ", label);
    print_bytes(out, bytes + span.at, span.size);
}

static void print_head(FILE *out, const char *bytes, const pf_http1_head *head, const pf_field *fields) {
    fprintf(out, "{\"minor\": %d, \"status\": %d, \"flags\": %u, \"content_length\": %lld", head->minor, head->status,
            head->flags, (long long)head->content_length);
    print_span(out, "method", bytes, head->method);
    print_span(out, "target", bytes, head->target);
    print_span(out, "version", bytes, head->version);
    print_span(out, "reason", bytes, head->reason);
    print_span(out, "host", bytes, head->host);
    fputs(", \"fields\": [", out);
    for (uint32_t i = 0; i < head->field_count; i++) {
        fputs(i ? ", [" : "[", out);
        print_bytes(out, bytes + fields[i].name.at, fields[i].name.size);
        fputs(", ", out);
        print_bytes(out, bytes + fields[i].value.at, fields[i].value.size);
        fputc(']', out);
    }
    fputc(']', out);
}

/* Parse with room for ever more fields, as a caller does. */
static void parse_head(FILE *out, int response, const char *bytes, size_t size) {
    uint32_t capacity = 1;
    int status;
    do {
        pf_http1_head head;
        pf_field *fields = allocate(capacity * sizeof(*fields));
        status = (response ? pf_http1_parse_response : pf_http1_parse_request)(bytes, size, &head, fields, capacity);
        if (status == 0)
            print_head(out, bytes, &head, fields);
        free(fields);
        capacity *= 2;
    } while (status == PF_HTTP1_FIELDS_FULL);
    if (status < 0)
        fprintf(out, "{\"error\": %d", status);
}

/* How an input is cut: one piece of `first` bytes, then pieces of `step` bytes. */
typedef struct {
    size_t first, step;
} cuts;

static size_t next_cut(cuts cuts, size_t at, size_t size) {
    size_t piece = at == 0 ? cuts.first : cuts.step;
    return size - at > piece ? at + piece : size;
}

static void replay_head(FILE *out, int response, const char *bytes, size_t size, cuts cuts) {
    size_t scanned = 0, known = 0;
    int64_t end;
    do {
        known = next_cut(cuts, known, size);
        char *piece = copy(bytes, known);
        end = pf_http1_head_end(piece, known, &scanned, response);
        free(piece);
    } while (end == PF_HTTP1_AGAIN && known < size);
    if (end < 0) {
        fprintf(out, "{\"error\": %d}", (int)end);
        return;
    }
    char *head = copy(bytes, (size_t)end);
    parse_head(out, response, head, (size_t)end);
    free(head);
    fputs(", \"rest\": ", out);
    print_bytes(out, bytes + end, size - (size_t)end);
    fputc('}', out);
}

static void replay_chunked(FILE *out, const char *bytes, size_t size, cuts cuts) {
    pf_chunked chunked;
    char *body = allocate(size);
    size_t body_size = 0, at = 0, cut = 0;
    int64_t used = 0;
    pf_chunked_init(&chunked);
    while (at < size && used >= 0 && !chunked.done) {
        const char *data;
        size_t data_size;
        if (at == cut)
            cut = next_cut(cuts, at, size);
        char *piece = copy(bytes + at, cut - at);
        used = pf_chunked_decode(&chunked, piece, cut - at, &data, &data_size);
        if (used >= 0) {
            memcpy(body + body_size, data, data_size);
            body_size += data_size;
            at += (size_t)used;
        }
        free(piece);
    }
    if (used < 0) {
        fprintf(out, "{\"error\": %d}", (int)used);
    } else {
        fprintf(out, "{\"done\": %d, \"body\": ", chunked.done);
        print_bytes(out, body, body_size);
        fputs(", \"rest\": ", out);
        print_bytes(out, bytes + at, size - at);
        fputc('}', out);
    }
    free(body);
}

static char *replay(const char *kind, const char *bytes, size_t size, cuts cuts) {
    char *text;
    size_t text_size;
    FILE *out = open_memstream(&text, &text_size);
    if (out == NULL)
        abort();
    if (strcmp(kind, "chunked") == 0)
        replay_chunked(out, bytes, size, cuts);
    else
        replay_head(out, strcmp(kind, "response") == 0, bytes, size, cuts);
    fclose(out);
    return text;
}

static int gives(const char *wanted, const char *kind, const char *bytes, size_t size, cuts cuts) {
    char *text = replay(kind, bytes, size, cuts);
    int same = strcmp(text, wanted) == 0;
    free(text);
    return same;
}

static void answer(const char *kind, const char *bytes, size_t size) {
    char *whole = replay(kind, bytes, size, (cuts){size, size});
    size_t place = 1, stride = 1 + size / CUTS_MAX;
    while (place < size && gives(whole, kind, bytes, size, (cuts){place, size}))
        place += stride;
    if (place < size)
        printf("{\"differs\": %zu}\n", place);
    else if (!gives(whole, kind, bytes, size, (cuts){1, 1}))
        puts("{\"differs\": 0}");
    else
        puts(whole);
    free(whole);
}

int main(void) {
    char kind[16];
    size_t size;
    while (scanf("%15s %zu", kind, &size) == 2 && getchar() == '\n') {
        char *bytes = allocate(size);
        if (fread(bytes, 1, size, stdin) != size)
            return 1;
        answer(kind, bytes, size);
        fflush(stdout);
        free(bytes);
    }
    return 0;
}
