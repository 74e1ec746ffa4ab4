/* The heads of WebSocket frames (RFC 6455 section 5.2). */
#ifndef PF_WS_H
#define PF_WS_H

#include <stddef.h>
#include <stdint.h>

enum { PF_WS_FIN = 0x80, PF_WS_RSV1 = 0x40, PF_WS_RSV = 0x70, PF_WS_CONTROL = 0x08 };
enum { PF_WS_CONTINUATION = 0, PF_WS_TEXT = 1, PF_WS_BINARY = 2, PF_WS_CLOSE = 8, PF_WS_PING = 9, PF_WS_PONG = 10 };
enum { PF_WS_HEAD_MAX = 14, PF_WS_CONTROL_MAX = 125 };

/* Of pf_ws_parse_head. */
enum { PF_WS_AGAIN = 0, PF_WS_BAD_RSV = -1, PF_WS_BAD_OPCODE = -2, PF_WS_BAD_CONTROL = -3, PF_WS_BAD_LENGTH = -4 };

typedef struct {
    unsigned char first; /* FIN and RSV bits with the opcode */
    unsigned char opcode;
    unsigned char masked;
    unsigned char key[4];
    uint64_t size; /* of the payload */
} pf_ws_head;

/* Bytes of the head, PF_WS_AGAIN if it is not complete, or a negative reason why it is none. `allowed_rsv`: the RSV
 * bits that an extension gives a meaning in the first frame of a message. */
int pf_ws_parse_head(const char *data, size_t size, unsigned allowed_rsv, pf_ws_head *head);

/* Writes the head of a frame, the masking key last unless `key` is NULL; bytes written, at most PF_WS_HEAD_MAX. */
int pf_ws_put_head(char *out, unsigned first, uint64_t size, const unsigned char *key);

/* Whether a Close frame may carry `code` (section 7.4, and what IANA has added since). */
int pf_ws_close_code_is_valid(unsigned code);

const char *pf_ws_reason(int status);

#endif
