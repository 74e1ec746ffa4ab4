/* pf_ws: heads of frames there and back, cut at every byte, and what is none (RFC 6455 sections 5.2, 5.5 and 7.4). */
#include "check.h"
#include "pf_ws.h"

static const unsigned char key[4] = {1, 2, 3, 4};

static int parse(const char *bytes, size_t size, unsigned rsv) {
    pf_ws_head head;
    char *block = malloc(size ? size : 1); /* the sanitizer sees a byte too many */
    memcpy(block, bytes, size);
    int status = pf_ws_parse_head(block, size, rsv, &head);
    free(block);
    return status;
}

static void there_and_back(void) {
    static const uint64_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, UINT64_C(1) << 40, (UINT64_C(1) << 63) - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int masked = 0; masked < 2; masked++) {
            char wire[PF_WS_HEAD_MAX];
            pf_ws_head head;
            int length = pf_ws_put_head(wire, PF_WS_FIN | PF_WS_BINARY, sizes[i], masked ? key : NULL);
            CHECK_EQ(length, 2 + (sizes[i] < 126 ? 0 : sizes[i] < 65536 ? 2 : 8) + masked * 4);
            for (int cut = 0; cut < length; cut++) CHECK_EQ(parse(wire, cut, 0), PF_WS_AGAIN);
            CHECK_EQ(pf_ws_parse_head(wire, length, 0, &head), length);
            CHECK(head.size == sizes[i] && head.masked == masked && head.opcode == PF_WS_BINARY);
            CHECK_EQ(head.first, PF_WS_FIN | PF_WS_BINARY);
            if (masked) CHECK_BYTES(head.key, key, 4);
        }
}

static void what_is_no_head(void) {
    CHECK_EQ(parse("\xC1", 1, 0), PF_WS_BAD_RSV);
    CHECK_EQ(parse("\xA1", 1, PF_WS_RSV1), PF_WS_BAD_RSV);
    CHECK_EQ(parse("\xC0", 1, PF_WS_RSV1), PF_WS_BAD_RSV); /* only the first frame of a message is marked */
    CHECK_EQ(parse("\xC9", 1, PF_WS_RSV1), PF_WS_BAD_RSV);
    CHECK_EQ(parse("\xC1\x00", 2, PF_WS_RSV1), 2);
    CHECK_EQ(parse("\x09", 1, 0), PF_WS_BAD_CONTROL);
    CHECK_EQ(parse("\x88\x7E", 2, 0), PF_WS_BAD_CONTROL);
    CHECK_EQ(parse("\x82\x7F\x80\0\0\0\0\0\0\0", 10, 0), PF_WS_BAD_LENGTH);
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        char first = (char)(PF_WS_FIN | opcode);
        CHECK_EQ(parse(&first, 1, 0), (opcode & 7) > 2 ? PF_WS_BAD_OPCODE : PF_WS_AGAIN);
    }
    for (int status = PF_WS_BAD_LENGTH; status < 0; status++) CHECK(strlen(pf_ws_reason(status)) > 10);
}

static void close_codes(void) {
    for (unsigned code = 0; code < 70000; code++) {
        int named = code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
        CHECK_EQ(pf_ws_close_code_is_valid(code) != 0, named || (code >= 3000 && code <= 4999));
    }
}

int main(void) {
    RUN(there_and_back);
    RUN(what_is_no_head);
    RUN(close_codes);
    return 0;
}
