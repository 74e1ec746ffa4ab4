/* libFuzzer: a head parsed whole and cut in two gives the same, and whatever is accepted is well-formed.
 *
 * The first byte of the input says request (even) or response (odd), the second one where to cut, the rest is the wire.
 * clang -g -O1 -fsanitize=fuzzer,address,undefined -Iext/c tests/fuzz/fuzz_http1.c ext/c/pf_http1.c -o fuzz_http1
 */
#include <stdlib.h>
#include <string.h>

#include "pf_http1.h"

enum { CAPACITY = 32 };

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

static char *copy(const char *bytes, size_t size) {
    char *block = malloc(size ? size : 1);
    REQUIRE(block != NULL);
    memcpy(block, bytes, size);
    return block;
}

static int64_t head_end(const char *bytes, size_t size, size_t *scanned, int response) {
    char *piece = copy(bytes, size);
    int64_t end = pf_http1_head_end(piece, size, scanned, response);
    free(piece);
    REQUIRE(end >= PF_HTTP1_TOO_LARGE && end != 0 && end <= (int64_t)size);
    REQUIRE(end != PF_HTTP1_AGAIN || *scanned <= size);
    return end;
}

static void require_line(const char *bytes, size_t size, pf_span span) {
    REQUIRE(span.at <= size && span.size <= size - span.at);
    for (uint32_t i = span.at; i < span.at + span.size; i++)
        REQUIRE((uint8_t)bytes[i] >= ' ' ? bytes[i] != 0x7f : bytes[i] == '\t');
}

static void require_fields(const char *bytes, size_t size, const pf_http1_head *head, const pf_field *fields) {
    uint32_t behind = head->version.at + head->version.size;
    for (uint32_t i = 0; i < head->field_count; i++) {
        pf_span name = fields[i].name, value = fields[i].value;
        require_line(bytes, size, name);
        require_line(bytes, size, value);
        REQUIRE(name.size > 0 && name.at > behind && value.at > name.at + name.size);
        REQUIRE(bytes[name.at - 1] == '\n' && bytes[name.at + name.size] == ':');
        REQUIRE(memchr(bytes + name.at, ' ', name.size) == NULL && memchr(bytes + name.at, ':', name.size) == NULL);
        behind = value.at + value.size;
    }
}

static void require_head(const char *bytes, size_t size, const pf_http1_head *head, const pf_field *fields,
                         int response) {
    require_line(bytes, size, head->method);
    require_line(bytes, size, head->target);
    require_line(bytes, size, head->reason);
    require_line(bytes, size, head->host);
    require_line(bytes, size, head->version);
    REQUIRE(head->version.size == 8 && head->minor >= 0 && head->minor <= 9);
    REQUIRE(response ? head->status >= 100 && head->status <= 999 : head->method.size > 0 && head->target.size > 0);
    REQUIRE(head->content_length >= -1 && !(head->content_length >= 0 && head->flags & PF_HTTP1_CHUNKED));
    require_fields(bytes, size, head, fields);
}

static void parse(const char *bytes, size_t size, int response) {
    pf_http1_head head;
    pf_field *fields = malloc(CAPACITY * sizeof(*fields));
    REQUIRE(fields != NULL);
    char *block = copy(bytes, size);
    int status = (response ? pf_http1_parse_response : pf_http1_parse_request)(block, size, &head, fields, CAPACITY);
    REQUIRE(status <= 0 && status >= PF_HTTP1_TOO_LARGE && status != PF_HTTP1_AGAIN);
    if (status == 0)
        require_head(block, size, &head, fields, response);
    free(block);
    free(fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size) {
    if (input_size < 2)
        return 0;
    int response = input[0] & 1;
    const char *bytes = (const char *)input + 2;
    size_t size = input_size - 2, place = size * input[1] / 255, scanned = 0, scanned_twice = 0;
    int64_t whole = head_end(bytes, size, &scanned, response);
    int64_t cut = head_end(bytes, place, &scanned_twice, response);
    if (cut == PF_HTTP1_AGAIN)
        cut = head_end(bytes, size, &scanned_twice, response);
    REQUIRE(cut == whole);
    if (whole > 0)
        parse(bytes, (size_t)whole, response);
    return 0;
}
