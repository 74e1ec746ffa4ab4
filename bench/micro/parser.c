/* Parses one head `count` times, as a server would: delimit, then parse. Returns the fields found in all, or an error. */
#include "pf_http1.h"

enum { CAPACITY = 64 };

int64_t parse_many(const char *bytes, size_t size, int count) {
    pf_http1_head head;
    pf_field fields[CAPACITY];
    int64_t found = 0;
    for (int i = 0; i < count; i++) {
        size_t scanned = 0;
        int64_t length = pf_http1_head_end(bytes, size, &scanned, 0);
        int status = length < 0 ? (int)length : pf_http1_parse_request(bytes, (size_t)length, &head, fields, CAPACITY);
        if (status < 0) return status;
        found += head.field_count;
    }
    return found;
}
