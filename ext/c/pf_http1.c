/* The trick of this file: a head is parsed only when it ends in LF, and LF belongs to no character class. So every
 * scan over a class stops inside the head by itself, and only the step to a next line has to look for the end. */
#include "pf_http1.h"

#include <string.h>

#include "pf_chars.h"

typedef struct {
    const char *start, *at, *end;
    pf_http1_head *head;
    /* What the fields say about framing and authority, judged when all have been read. */
    const char *length; /* the first element of the first Content-Length */
    size_t length_size;
    uint32_t lengths, codings, hosts;
    int unequal; /* some element of Content-Length differs from the first */
    int chunked; /* the last Transfer-Encoding is "chunked" */
} parser;

static inline const char *skip(const char *at, int classes) {
    while (pf_char_is(*at, classes))
        at++;
    return at;
}

static inline int is_blank(char byte) { return byte == ' ' || byte == '\t'; }

/* Skip what may stand in a field value, eight bytes at a time while they are plain (neither control bytes nor DEL). */
static const char *skip_value(const char *at, const char *end) {
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    while (end - at >= 8) {
        uint64_t word, del;
        memcpy(&word, at, 8);
        del = word ^ (ones * 0x7f);
        if ((((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & tops)
            break;
        at += 8;
    }
    return skip(at, PF_VALUE);
}

/* Behind the line end at `at`, or NULL where there is none. */
static inline const char *behind_line_end(const char *at) {
    if (*at == '\n')
        return at + 1;
    return *at == '\r' && at[1] == '\n' ? at + 2 : NULL;
}

/* Compare with a word in lower case. `at` must hold no control bytes. */
static inline int is_word(const char *at, size_t size, const char *word, size_t word_size) {
    if (size != word_size)
        return 0;
    for (size_t i = 0; i < size; i++)
        if ((at[i] | 0x20) != word[i])
            return 0;
    return 1;
}

#define IS_WORD(at, size, literal) is_word(at, size, literal, sizeof(literal) - 1)

static inline pf_span span(const parser *p, const char *from, const char *to) {
    return (pf_span){(uint32_t)(from - p->start), (uint32_t)(to - from)};
}

/* Where the start line begins, or PF_HTTP1_AGAIN, or PF_HTTP1_BAD_START_LINE. */
static int64_t find_start_line(const char *bytes, size_t size) {
    size_t at = 0;
    for (int lines = 0; lines <= PF_HTTP1_EMPTY_LINES_MAX; lines++) {
        if (at == size)
            return PF_HTTP1_AGAIN;
        if (bytes[at] != '\r' && bytes[at] != '\n')
            return (int64_t)at;
        if (bytes[at] == '\r' && ++at == size)
            return PF_HTTP1_AGAIN;
        if (bytes[at++] != '\n')
            return PF_HTTP1_BAD_START_LINE;
    }
    return PF_HTTP1_BAD_START_LINE;
}

static int can_start_response(const char *bytes, size_t size) {
    return memcmp(bytes, "HTTP/", size < 5 ? size : 5) == 0;
}

int64_t pf_http1_head_end(const char *bytes, size_t size, size_t *scanned, int response) {
    int64_t start = find_start_line(bytes, size);
    if (start >= 0 && !(response ? can_start_response(bytes + start, size - (size_t)start)
                                 : pf_char_is(bytes[start], PF_TOKEN)))
        start = PF_HTTP1_BAD_START_LINE;
    if (start < 0)
        return response && start == PF_HTTP1_BAD_START_LINE ? PF_HTTP1_BAD_STATUS : start;

    const char *end = bytes + size, *line_end;
    const char *at = bytes + (*scanned > (size_t)start ? *scanned : (size_t)start);
    while ((line_end = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        const char *next = line_end + 1;
        if (next < end && *next == '\r')
            next++;
        if (next == end) { /* the next call looks at this line end again */
            *scanned = (size_t)(line_end - bytes);
            return PF_HTTP1_AGAIN;
        }
        if (*next == '\n')
            return next + 1 - bytes;
        at = line_end + 1;
    }
    *scanned = size;
    return PF_HTTP1_AGAIN;
}

/* The host of `uri-host [":" port]` (RFC 9110 section 7.2): returns its end, or NULL for a broken IP literal. */
static const char *skip_host(const char *at) {
    if (*at == '[') {
        const char *from = ++at;
        while (pf_char_is(*at, PF_NAME) || *at == ':')
            at++;
        return at > from && *at == ']' ? at + 1 : NULL;
    }
    for (;;) {
        at = skip(at, PF_NAME);
        if (*at != '%' || !pf_char_is(at[1], PF_HEX) || !pf_char_is(at[2], PF_HEX))
            return at;
        at += 3;
    }
}

static int is_host(const char *at, const char *end) {
    at = skip_host(at);
    if (at == NULL)
        return 0;
    return (*at == ':' ? skip(at + 1, PF_DIGIT) : at) == end;
}

/* authority-form: the host and the port must both be there. */
static int is_authority(const char *from, const char *end) {
    const char *at = skip_host(from);
    return at != NULL && at > from && *at == ':' && at + 1 < end && skip(at + 1, PF_DIGIT) == end;
}

/* absolute-form: scheme "://" and an authority whose host is not empty. */
static int is_absolute(const char *at, const char *end) {
    if (!pf_char_is(*at, PF_ALPHA))
        return 0;
    while (pf_char_is(*at, PF_ALPHA | PF_DIGIT) || *at == '+' || *at == '-' || *at == '.')
        at++;
    if (end - at <= 3 || memcmp(at, "://", 3) != 0)
        return 0;
    const char *host = at += 3;
    for (; at < end && *at != '/' && *at != '?' && *at != '#'; at++)
        if (*at == '@')
            host = at + 1;
    return at > host && *host != ':' && is_host(host, at);
}

/* One of the four forms of RFC 9112 section 3.2, where `method` allows it. */
static int is_target(const char *method, size_t method_size, const char *at, const char *end) {
    int seven = method_size == 7;
    if (seven && memcmp(method, "CONNECT", 7) == 0)
        return is_authority(at, end);
    if (*at == '/')
        return 1;
    if (end - at == 1 && *at == '*')
        return seven && memcmp(method, "OPTIONS", 7) == 0;
    return is_absolute(at, end);
}

/* "HTTP/1." and a digit. A later minor version is read as 1.1 (RFC 9110 section 2.5). */
static int parse_version(parser *p) {
    const char *at = p->at;
    if (p->end - at < 9 || memcmp(at, "HTTP/1.", 7) != 0 || !pf_char_is(at[7], PF_DIGIT))
        return PF_HTTP1_BAD_VERSION;
    p->head->minor = at[7] - '0';
    p->head->version = span(p, at, at + 8);
    p->at = at + 8;
    return 0;
}

static int parse_request_line(parser *p) {
    const char *method = p->at, *at = skip(method, PF_TOKEN), *target;
    if (at == method)
        return PF_HTTP1_BAD_METHOD;
    if (*at != ' ')
        return behind_line_end(at) ? PF_HTTP1_BAD_START_LINE : PF_HTTP1_BAD_METHOD;
    p->head->method = span(p, method, at);
    target = at + 1;
    at = skip(target, PF_TARGET);
    if (*at != ' ')
        return behind_line_end(at) ? PF_HTTP1_BAD_START_LINE : PF_HTTP1_BAD_TARGET;
    if (!is_target(method, p->head->method.size, target, at))
        return PF_HTTP1_BAD_TARGET;
    p->head->target = span(p, target, at);
    p->at = at + 1;
    int status = parse_version(p);
    if (status < 0)
        return status;
    p->at = behind_line_end(p->at);
    return p->at ? 0 : PF_HTTP1_BAD_VERSION;
}

static int parse_status_line(parser *p) {
    if (p->end - p->at < 5 || memcmp(p->at, "HTTP/", 5) != 0)
        return PF_HTTP1_BAD_STATUS;
    int status = parse_version(p);
    if (status < 0)
        return status;
    const char *at = p->at;
    if (*at != ' ')
        return pf_char_is(*at, PF_DIGIT) ? PF_HTTP1_BAD_VERSION : PF_HTTP1_BAD_STATUS;
    if (at[1] < '1' || !pf_char_is(at[1], PF_DIGIT) || !pf_char_is(at[2], PF_DIGIT) || !pf_char_is(at[3], PF_DIGIT))
        return PF_HTTP1_BAD_STATUS;
    p->head->status = (at[1] - '0') * 100 + (at[2] - '0') * 10 + (at[3] - '0');
    at += 4;
    if (*at == ' ') { /* RFC 9112 demands the space even without a reason; not every server sends it */
        const char *reason = at + 1;
        at = skip_value(reason, p->end);
        p->head->reason = span(p, reason, at);
    }
    p->at = behind_line_end(at);
    return p->at ? 0 : PF_HTTP1_BAD_STATUS;
}

/* Each element of a list and of a repeated field must equal the first one (RFC 9112 section 6.3). */
static void note_content_length(parser *p, const char *at, const char *end) {
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t size = (size_t)((comma ? comma : end) - at);
        if (p->length == NULL) {
            p->length = at;
            p->length_size = size;
        } else {
            p->head->flags |= PF_HTTP1_REPEATED_LENGTH;
        }
        if (size != p->length_size || memcmp(at, p->length, size) != 0) {
            p->unequal = 1;
        }
        if (comma == NULL)
            return;
        for (at = comma + 1; at < end && is_blank(*at);)
            at++;
    }
}

static void note_connection(parser *p, const char *at, const char *end) {
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *next = comma ? comma + 1 : end, *last = comma ? comma : end;
        while (at < last && is_blank(*at))
            at++;
        while (last > at && is_blank(last[-1]))
            last--;
        size_t size = (size_t)(last - at);
        if (IS_WORD(at, size, "close"))
            p->head->flags |= PF_HTTP1_CLOSE;
        else if (IS_WORD(at, size, "keep-alive"))
            p->head->flags |= PF_HTTP1_KEEP_ALIVE;
        else if (IS_WORD(at, size, "upgrade"))
            p->head->flags |= PF_HTTP1_UPGRADE;
        at = next;
    }
}

/* Remember what a field means to the connection; most names are told apart by their length. */
static void note_field(parser *p, const pf_field *field) {
    const char *name = p->start + field->name.at, *value = p->start + field->value.at;
    size_t size = field->value.size;
    switch (field->name.size) {
    case 4:
        if (IS_WORD(name, 4, "host")) {
            p->hosts++;
            p->head->host = field->value;
        }
        break;
    case 6:
        if (IS_WORD(name, 6, "expect") && IS_WORD(value, size, "100-continue"))
            p->head->flags |= PF_HTTP1_EXPECT_CONTINUE;
        break;
    case 10:
        if (IS_WORD(name, 10, "connection"))
            note_connection(p, value, value + size);
        break;
    case 14:
        if (IS_WORD(name, 14, "content-length")) {
            p->lengths++;
            note_content_length(p, value, value + size);
        }
        break;
    case 17:
        if (IS_WORD(name, 17, "transfer-encoding")) {
            p->codings++;
            p->chunked = IS_WORD(value, size, "chunked");
        }
        break;
    }
}

/* Why the line at `at` has no field name in front of a colon. */
static int bad_field_name(const char *at, const char *end) {
    if (is_blank(*at))
        return PF_HTTP1_OBS_FOLD;
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    return memchr(at, ':', (size_t)(line_end - at)) ? PF_HTTP1_BAD_FIELD_NAME : PF_HTTP1_NO_COLON;
}

static int parse_fields(parser *p, pf_field *fields, uint32_t capacity) {
    const char *at = p->at, *end = p->end, *next;
    uint32_t count = 0;
    while (at < end && (next = behind_line_end(at)) == NULL) {
        if (count == capacity)
            return PF_HTTP1_FIELDS_FULL;
        const char *name_end = skip(at, PF_TOKEN), *value, *value_end;
        if (name_end == at || *name_end != ':')
            return bad_field_name(at, end);
        for (value = name_end + 1; is_blank(*value);)
            value++;
        value_end = skip_value(value, end);
        if ((next = behind_line_end(value_end)) == NULL)
            return PF_HTTP1_BAD_FIELD_VALUE;
        while (value_end > value && is_blank(value_end[-1]))
            value_end--;
        fields[count] = (pf_field){span(p, at, name_end), span(p, value, value_end)};
        note_field(p, &fields[count]);
        p->head->field_count = ++count;
        at = next;
    }
    return at < end ? 0 : PF_HTTP1_AGAIN;
}

/* 1*DIGIT up to 2^63 - 1, else -1. */
static int64_t parse_length(const char *at, size_t size) {
    int64_t length = size ? 0 : -1;
    for (const char *end = at + size; at < end; at++) {
        int digit = *at - '0';
        if (!pf_char_is(*at, PF_DIGIT) || length > (INT64_MAX - digit) / 10)
            return -1;
        length = length * 10 + digit;
    }
    return length;
}

static int judge_host(const parser *p) {
    if (p->hosts > 1)
        return PF_HTTP1_MANY_HOSTS;
    if (p->hosts == 0)
        return p->head->minor == 0 ? 0 : PF_HTTP1_NO_HOST;
    const char *host = p->start + p->head->host.at;
    return is_host(host, host + p->head->host.size) ? 0 : PF_HTTP1_BAD_HOST;
}

static int judge_framing(parser *p) {
    if (p->lengths && p->codings)
        return PF_HTTP1_LENGTH_AND_CODING;
    if (p->codings) {
        if (p->codings > 1 || !p->chunked)
            return PF_HTTP1_BAD_TRANSFER_CODING;
        p->head->flags |= PF_HTTP1_CHUNKED;
    }
    if (p->lengths) {
        if (p->unequal)
            return PF_HTTP1_MANY_CONTENT_LENGTHS;
        p->head->content_length = parse_length(p->length, p->length_size);
        if (p->head->content_length < 0)
            return PF_HTTP1_BAD_CONTENT_LENGTH;
    }
    return 0;
}

static int begin(parser *p, const char *bytes, size_t size, pf_http1_head *head) {
    *head = (pf_http1_head){.content_length = -1};
    if (size > UINT32_MAX)
        return PF_HTTP1_TOO_LARGE;
    int64_t start = find_start_line(bytes, size);
    if (start < 0)
        return (int)start;
    if (bytes[size - 1] != '\n')
        return PF_HTTP1_AGAIN;
    *p = (parser){.start = bytes, .at = bytes + start, .end = bytes + size, .head = head};
    return 0;
}

int pf_http1_parse_request(const char *bytes, size_t size, pf_http1_head *head, pf_field *fields, uint32_t capacity) {
    parser p;
    int status = begin(&p, bytes, size, head);
    if (status == 0)
        status = parse_request_line(&p);
    if (status == 0)
        status = parse_fields(&p, fields, capacity);
    if (status == 0)
        status = judge_host(&p);
    return status == 0 ? judge_framing(&p) : status;
}

int pf_http1_parse_response(const char *bytes, size_t size, pf_http1_head *head, pf_field *fields, uint32_t capacity) {
    parser p;
    int status = begin(&p, bytes, size, head);
    if (status == 0)
        status = parse_status_line(&p);
    if (status == 0)
        status = parse_fields(&p, fields, capacity);
    return status == 0 ? judge_framing(&p) : status;
}

const char *pf_http1_reason(int status) {
    switch (status) {
    case PF_HTTP1_AGAIN: return "Incomplete HTTP message";
    case PF_HTTP1_FIELDS_FULL: return "Too many header fields";
    case PF_HTTP1_BAD_START_LINE: return "Malformed HTTP request line";
    case PF_HTTP1_BAD_METHOD: return "Malformed HTTP request line: the method is not a token";
    case PF_HTTP1_BAD_TARGET: return "Malformed HTTP request line: invalid request target";
    case PF_HTTP1_BAD_VERSION: return "Unexpected HTTP version";
    case PF_HTTP1_BAD_FIELD_NAME: return "Invalid header name";
    case PF_HTTP1_BAD_FIELD_VALUE: return "Invalid header value";
    case PF_HTTP1_OBS_FOLD: return "Header line starts with white space: line folding is not supported";
    case PF_HTTP1_BAD_CONTENT_LENGTH: return "Only integer Content-Length is allowed";
    case PF_HTTP1_MANY_CONTENT_LENGTHS: return "Multiple unequal Content-Lengths";
    case PF_HTTP1_BAD_TRANSFER_CODING: return "Unsupported Transfer-Encoding";
    case PF_HTTP1_LENGTH_AND_CODING: return "Message with both Transfer-Encoding and Content-Length";
    case PF_HTTP1_NO_HOST: return "Missing Host header";
    case PF_HTTP1_MANY_HOSTS: return "Multiple Host headers";
    case PF_HTTP1_BAD_HOST: return "Invalid Host header";
    case PF_HTTP1_BAD_STATUS: return "Malformed HTTP status line";
    case PF_HTTP1_NO_COLON: return "no colon in header line";
    case PF_HTTP1_TOO_LARGE: return "HTTP head too large";
    default: return "Unknown error";
    }
}
