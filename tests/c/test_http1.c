/* What the wire vectors cannot say about pf_http1 and pf_chunked: room, resumption, limits of the types, messages. */
#include "check.h"
#include "pf_chunked.h"
#include "pf_http1.h"

enum { CAPACITY = 8 };

static pf_http1_head head;
static pf_field fields[CAPACITY];

static int parse(const char *text, uint32_t capacity) {
    return pf_http1_parse_request(text, strlen(text), &head, fields, capacity);
}

static void fields_are_never_written_beyond_the_capacity(void) {
    const char *text = "GET / HTTP/1.0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n";
    memset(fields, 0x55, sizeof(fields));
    CHECK_EQ(parse(text, 2), PF_HTTP1_FIELDS_FULL);
    CHECK_EQ(fields[2].name.at, 0x55555555);
    CHECK_EQ(parse(text, 0), PF_HTTP1_FIELDS_FULL);
    CHECK_EQ(parse(text, 3), 0);
    CHECK_EQ(head.field_count, 3);
    CHECK_EQ(pf_http1_parse_request("GET / HTTP/1.0\r\n\r\n", 18, &head, NULL, 0), 0);
}

static void spans_count_from_the_first_byte_given(void) {
    const char *text = "\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    CHECK_EQ(parse(text, CAPACITY), 0);
    CHECK_EQ(head.method.at, 2);
    CHECK_BYTES(text + head.target.at, "/x", 2);
    CHECK_BYTES(text + fields[0].value.at, "a\r", 2);
    CHECK_EQ(head.host.at, fields[0].value.at);
}

static void framing_errors_leave_the_fields(void) {
    CHECK_EQ(parse("POST / HTTP/1.0\r\nTransfer-Encoding: a\r\nTransfer-Encoding: b\r\n\r\n", CAPACITY),
             PF_HTTP1_BAD_TRANSFER_CODING);
    CHECK_EQ(head.field_count, 2);
    CHECK_EQ(parse("GET / HTTP/1.1\r\nHost: a b\r\nX: y\r\n\r\n", CAPACITY), PF_HTTP1_BAD_HOST);
    CHECK_EQ(head.field_count, 2);
}

static void a_head_without_its_end_is_not_parsed(void) {
    const char *text = "GET / HTTP/1.0\r\nA: 1\r\n\r\n";
    for (size_t size = 0; size < strlen(text); size++)
        CHECK_EQ(pf_http1_parse_request(text, size, &head, fields, CAPACITY), PF_HTTP1_AGAIN);
}

static void a_head_beyond_32_bits_is_refused(void) {
    size_t size = (size_t)UINT32_MAX;
    if (++size != 0)
        CHECK_EQ(pf_http1_parse_request("", size, &head, fields, CAPACITY), PF_HTTP1_TOO_LARGE);
}

/* The bytes that were scanned once are blanked: a second look at them would miss the head's structure or find more. */
static void scanned_bytes_are_not_scanned_again(void) {
    char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n\r\n";
    size_t scanned = 0, size = strlen(text), seen = 0;
    for (size_t known = 1; known < size; known++) {
        CHECK_EQ(pf_http1_head_end(text, known, &scanned, 0), PF_HTTP1_AGAIN);
        CHECK(scanned >= seen && known - scanned <= 2);
        seen = scanned;
        for (size_t i = 1; i < scanned; i++)
            text[i] = '\n';
    }
    CHECK_EQ(pf_http1_head_end(text, size, &scanned, 0), (long long)size);
}

static void every_status_has_a_sentence(void) {
    for (int status = PF_HTTP1_AGAIN; status >= PF_HTTP1_TOO_LARGE; status--) {
        CHECK(strcmp(pf_http1_reason(status), pf_http1_reason(0)) != 0);
        CHECK(strlen(pf_http1_reason(status)) > 10);
    }
    for (int status = PF_CHUNKED_BAD_SIZE; status >= PF_CHUNKED_TOO_LONG; status--)
        CHECK(strcmp(pf_chunked_reason(status), pf_chunked_reason(0)) != 0);
}

/* Sentences that users of Tornado look for in their logs. */
static void well_known_sentences(void) {
    CHECK(strstr(pf_http1_reason(PF_HTTP1_BAD_START_LINE), "Malformed HTTP request line"));
    CHECK(strstr(pf_http1_reason(PF_HTTP1_BAD_METHOD), "Malformed HTTP request line"));
    CHECK(strstr(pf_http1_reason(PF_HTTP1_BAD_TARGET), "Malformed HTTP request line"));
    CHECK(strstr(pf_http1_reason(PF_HTTP1_NO_COLON), "no colon in header line"));
    CHECK(strstr(pf_http1_reason(PF_HTTP1_OBS_FOLD), "folding"));
    CHECK(strstr(pf_http1_reason(PF_HTTP1_BAD_HOST), "Invalid Host header"));
    CHECK(strstr(pf_http1_reason(PF_HTTP1_BAD_CONTENT_LENGTH), "Only integer Content-Length is allowed"));
    CHECK(strstr(pf_http1_reason(PF_HTTP1_MANY_CONTENT_LENGTHS), "Multiple unequal Content-Lengths"));
    CHECK(strstr(pf_http1_reason(PF_HTTP1_BAD_TRANSFER_CODING), "Unsupported Transfer-Encoding"));
    CHECK(strstr(pf_http1_reason(PF_HTTP1_LENGTH_AND_CODING),
                 "Message with both Transfer-Encoding and Content-Length"));
    CHECK(strstr(pf_chunked_reason(PF_CHUNKED_BAD_SIZE), "invalid chunk size"));
    CHECK(strstr(pf_chunked_reason(PF_CHUNKED_BAD_LINE_END), "improperly terminated chunk"));
}

static void decoder_returns_after_each_run_of_data(void) {
    const char *text = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nrest", *data;
    size_t size = strlen(text), data_size;
    pf_chunked chunked;
    pf_chunked_init(&chunked);
    CHECK_EQ(pf_chunked_decode(&chunked, text, size, &data, &data_size), 6);
    CHECK_EQ(data_size, 3);
    CHECK(data == text + 3);
    CHECK_EQ(pf_chunked_decode(&chunked, text + 6, size - 6, &data, &data_size), 7);
    CHECK(data == text + 11 && data_size == 2);
    CHECK_EQ(pf_chunked_decode(&chunked, text + 13, size - 13, &data, &data_size), 7);
    CHECK(chunked.done && data_size == 0);
    CHECK_EQ(pf_chunked_decode(&chunked, text + 20, size - 20, &data, &data_size), 0);
}

static void data_in_front_of_an_error_is_delivered(void) {
    const char *text = "3\r\nabcX", *data;
    size_t data_size;
    pf_chunked chunked;
    pf_chunked_init(&chunked);
    CHECK_EQ(pf_chunked_decode(&chunked, text, strlen(text), &data, &data_size), 6);
    CHECK_EQ(data_size, 3);
    CHECK_EQ(pf_chunked_decode(&chunked, text + 6, 1, &data, &data_size), PF_CHUNKED_BAD_LINE_END);
}

int main(void) {
    RUN(fields_are_never_written_beyond_the_capacity);
    RUN(spans_count_from_the_first_byte_given);
    RUN(framing_errors_leave_the_fields);
    RUN(a_head_without_its_end_is_not_parsed);
    RUN(a_head_beyond_32_bits_is_refused);
    RUN(scanned_bytes_are_not_scanned_again);
    RUN(every_status_has_a_sentence);
    RUN(well_known_sentences);
    RUN(decoder_returns_after_each_run_of_data);
    RUN(data_in_front_of_an_error_is_delivered);
    return 0;
}
