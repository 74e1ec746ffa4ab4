#include "pf_chunked.h"

#include "pf_chars.h"

/* One state per place in the grammar; the byte that is expected next gives the name. */
enum {
    SIZE_FIRST, /* the first digit: there must be one */
    SIZE,
    SIZE_BLANK, /* white space between the size and an extension */
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST, /* a trailer field, or the empty line at the end */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
};

void pf_chunked_init(pf_chunked *chunked) { *chunked = (pf_chunked){.state = SIZE_FIRST}; }

static int enter(pf_chunked *chunked, int state) {
    chunked->state = state;
    return 0;
}

static int take_digit(pf_chunked *chunked, char digit) {
    if (chunked->left > INT64_MAX >> 4)
        return PF_CHUNKED_BAD_SIZE;
    chunked->left = chunked->left << 4 | (unsigned)pf_hex_value(digit);
    return enter(chunked, SIZE);
}

static int take_size_byte(pf_chunked *chunked, char byte) {
    if (++chunked->line > PF_CHUNKED_LINE_MAX)
        return PF_CHUNKED_TOO_LONG;
    switch (chunked->state) {
    case SIZE_FIRST:
        return pf_char_is(byte, PF_HEX) ? take_digit(chunked, byte) : PF_CHUNKED_BAD_SIZE;
    case SIZE:
        if (pf_char_is(byte, PF_HEX))
            return take_digit(chunked, byte);
        if (byte == '\r')
            return enter(chunked, SIZE_LF);
        if (byte == '\n')
            return PF_CHUNKED_BAD_LINE_END;
        /* fall through */
    case SIZE_BLANK:
        if (byte == ';')
            return enter(chunked, EXTENSION);
        return byte == ' ' || byte == '\t' ? enter(chunked, SIZE_BLANK) : PF_CHUNKED_BAD_SIZE;
    case EXTENSION:
        if (pf_char_is(byte, PF_VALUE))
            return 0;
        if (byte == '\r')
            return enter(chunked, SIZE_LF);
        return byte == '\n' ? PF_CHUNKED_BAD_LINE_END : PF_CHUNKED_BAD_EXTENSION;
    default: /* SIZE_LF */
        if (byte != '\n')
            return PF_CHUNKED_BAD_LINE_END;
        chunked->line = 0;
        return enter(chunked, chunked->left ? DATA : TRAILER_FIRST);
    }
}

static int take_trailer_byte(pf_chunked *chunked, char byte) {
    if (++chunked->line > PF_CHUNKED_TRAILER_MAX)
        return PF_CHUNKED_TOO_LONG;
    switch (chunked->state) {
    case TRAILER_FIRST:
        if (byte == '\r')
            return enter(chunked, END_LF);
        return pf_char_is(byte, PF_TOKEN) ? enter(chunked, TRAILER_NAME) : PF_CHUNKED_BAD_TRAILER;
    case TRAILER_NAME:
        if (byte == ':')
            return enter(chunked, TRAILER_VALUE);
        return pf_char_is(byte, PF_TOKEN) ? 0 : PF_CHUNKED_BAD_TRAILER;
    case TRAILER_VALUE:
        if (byte == '\r')
            return enter(chunked, TRAILER_LF);
        return pf_char_is(byte, PF_VALUE) ? 0 : PF_CHUNKED_BAD_TRAILER;
    case TRAILER_LF:
        return byte == '\n' ? enter(chunked, TRAILER_FIRST) : PF_CHUNKED_BAD_TRAILER;
    default: /* END_LF */
        if (byte != '\n')
            return PF_CHUNKED_BAD_TRAILER;
        chunked->done = 1;
        return 0;
    }
}

/* One byte of framing: 0 or a negative pf_chunked_status. */
static int take_byte(pf_chunked *chunked, char byte) {
    if (chunked->state == DATA_CR)
        return byte == '\r' ? enter(chunked, DATA_LF) : PF_CHUNKED_BAD_LINE_END;
    if (chunked->state == DATA_LF)
        return byte == '\n' ? enter(chunked, SIZE_FIRST) : PF_CHUNKED_BAD_LINE_END;
    return chunked->state < DATA ? take_size_byte(chunked, byte) : take_trailer_byte(chunked, byte);
}

int64_t pf_chunked_decode(pf_chunked *chunked, const char *bytes, size_t size, const char **data, size_t *data_size) {
    size_t at = 0;
    *data = bytes;
    *data_size = 0;
    while (at < size && !chunked->done) {
        if (chunked->state == DATA) {
            *data = bytes + at;
            *data_size = chunked->left < size - at ? (size_t)chunked->left : size - at;
            chunked->left -= *data_size;
            if (chunked->left == 0)
                enter(chunked, DATA_CR);
            return (int64_t)(at + *data_size);
        }
        int status = take_byte(chunked, bytes[at++]);
        if (status < 0)
            return status;
    }
    return (int64_t)at;
}

const char *pf_chunked_reason(int status) {
    switch (status) {
    case PF_CHUNKED_BAD_SIZE: return "invalid chunk size";
    case PF_CHUNKED_BAD_EXTENSION: return "invalid chunk extension";
    case PF_CHUNKED_BAD_LINE_END: return "improperly terminated chunk";
    case PF_CHUNKED_BAD_TRAILER: return "invalid trailer section";
    case PF_CHUNKED_TOO_LONG: return "chunk size line or trailer section too long";
    default: return "unknown error";
    }
}
