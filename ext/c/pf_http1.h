/* HTTP/1 message heads (RFC 9112 sections 2 to 6): bytes in, spans into those bytes out.
 *
 * No allocation, no globals, no copies. A head is first delimited (pf_http1_head_end, which resumes where it
 * stopped) and then parsed in one pass. Numbers >= 0 are lengths, negative ones a member of pf_http1_status.
 */
#ifndef PF_HTTP1_H
#define PF_HTTP1_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    PF_HTTP1_AGAIN = -1,       /* the head is not complete */
    PF_HTTP1_FIELDS_FULL = -2, /* more fields than `capacity`: call again with more room */
    PF_HTTP1_BAD_START_LINE = -3,
    PF_HTTP1_BAD_METHOD = -4,
    PF_HTTP1_BAD_TARGET = -5,
    PF_HTTP1_BAD_VERSION = -6,
    PF_HTTP1_BAD_FIELD_NAME = -7,
    PF_HTTP1_BAD_FIELD_VALUE = -8,
    PF_HTTP1_OBS_FOLD = -9,
    PF_HTTP1_BAD_CONTENT_LENGTH = -10,
    PF_HTTP1_MANY_CONTENT_LENGTHS = -11,
    PF_HTTP1_BAD_TRANSFER_CODING = -12,
    PF_HTTP1_LENGTH_AND_CODING = -13,
    PF_HTTP1_NO_HOST = -14,
    PF_HTTP1_MANY_HOSTS = -15,
    PF_HTTP1_BAD_HOST = -16,
    PF_HTTP1_BAD_STATUS = -17, /* a status line that is none */
    PF_HTTP1_NO_COLON = -18,
    PF_HTTP1_TOO_LARGE = -19, /* a head that 32-bit spans cannot describe */
} pf_http1_status;

/* Empty lines in front of a start line are skipped (RFC 9112 section 2.2), up to this many. */
enum { PF_HTTP1_EMPTY_LINES_MAX = 4 };

typedef struct {
    uint32_t at, size; /* offset from the start of the head, bytes */
} pf_span;

typedef struct {
    pf_span name, value; /* value without surrounding white space */
} pf_field;

enum { /* pf_http1_head.flags */
    PF_HTTP1_CHUNKED = 1,
    PF_HTTP1_CLOSE = 2,      /* "close" in Connection */
    PF_HTTP1_KEEP_ALIVE = 4, /* "keep-alive" in Connection */
    PF_HTTP1_EXPECT_CONTINUE = 8,
    PF_HTTP1_UPGRADE = 16, /* "upgrade" in Connection */
    PF_HTTP1_REPEATED_LENGTH = 32, /* Content-Length says its number more than once */
};

typedef struct {
    pf_span method, target; /* of a request */
    pf_span reason;         /* of a response */
    pf_span version;        /* "HTTP/1.1" */
    pf_span host;           /* the Host value; size 0 if empty or absent */
    int status;             /* of a response */
    int minor;              /* HTTP/1.minor */
    unsigned flags;
    int64_t content_length; /* -1: none */
    uint32_t field_count;
} pf_http1_head;

/* The length of the head that `bytes` starts with, its empty last line included; or PF_HTTP1_AGAIN; or, as soon as
 * it is certain, PF_HTTP1_BAD_START_LINE (of a response: PF_HTTP1_BAD_STATUS) for bytes that cannot start a message.
 * `scanned` is the caller's: 0 at first, then untouched between calls with ever more bytes of the same message. */
int64_t pf_http1_head_end(const char *bytes, size_t size, size_t *scanned, int response);

/* Parse a complete head of `size` bytes (as pf_http1_head_end measured it). 0 or a negative pf_http1_status.
 * What is wrong with a single line is reported first, in the order of the lines. Only then come Host, Content-Length
 * and Transfer-Encoding, so that with an error about those (NO_HOST, MANY_HOSTS, BAD_HOST, BAD_CONTENT_LENGTH,
 * MANY_CONTENT_LENGTHS, BAD_TRANSFER_CODING, LENGTH_AND_CODING) the fields are all there, for a log line. */
int pf_http1_parse_request(const char *bytes, size_t size, pf_http1_head *head, pf_field *fields, uint32_t capacity);
int pf_http1_parse_response(const char *bytes, size_t size, pf_http1_head *head, pf_field *fields, uint32_t capacity);

/* One sentence, for a log line. */
const char *pf_http1_reason(int status);

#endif
