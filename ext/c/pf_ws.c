#include "pf_ws.h"

#include <string.h>

static uint64_t number(const char *data, int size) {
    uint64_t value = 0;
    for (int i = 0; i < size; i++) value = value << 8 | (unsigned char)data[i];
    return value;
}

static int check_first(unsigned first, unsigned allowed_rsv) {
    unsigned opcode = first & 0x0F;
    if (opcode == PF_WS_CONTINUATION || opcode & PF_WS_CONTROL) allowed_rsv = 0;
    if (first & PF_WS_RSV & ~allowed_rsv) return PF_WS_BAD_RSV;
    if ((opcode & 7) > 2) return PF_WS_BAD_OPCODE;
    if (opcode & PF_WS_CONTROL && !(first & PF_WS_FIN)) return PF_WS_BAD_CONTROL;
    return 0;
}

int pf_ws_parse_head(const char *data, size_t size, unsigned allowed_rsv, pf_ws_head *head) {
    int wrong, extended, length = 2;
    if (size == 0) return PF_WS_AGAIN;
    head->first = (unsigned char)data[0];
    head->opcode = head->first & 0x0F;
    if ((wrong = check_first(head->first, allowed_rsv)) < 0) return wrong;
    if (size < 2) return PF_WS_AGAIN;
    head->masked = ((unsigned char)data[1] & 0x80) != 0;
    head->size = (unsigned char)data[1] & 0x7F;
    if (head->opcode & PF_WS_CONTROL && head->size > PF_WS_CONTROL_MAX) return PF_WS_BAD_CONTROL;
    extended = head->size == 126 ? 2 : head->size == 127 ? 8 : 0;
    if (size < (size_t)(length + extended + head->masked * 4)) return PF_WS_AGAIN;
    if (extended) head->size = number(data + length, extended);
    if (head->size >> 63) return PF_WS_BAD_LENGTH;
    length += extended;
    if (head->masked) memcpy(head->key, data + length, 4);
    return length + head->masked * 4;
}

int pf_ws_put_head(char *out, unsigned first, uint64_t size, const unsigned char *key) {
    int extended = size < 126 ? 0 : size <= 0xFFFF ? 2 : 8;
    int length = 2;
    out[0] = (char)first;
    out[1] = (char)((extended == 0 ? size : extended == 2 ? 126 : 127) | (key ? 0x80 : 0));
    while (extended--) out[length++] = (char)(size >> (8 * extended));
    if (key) {
        memcpy(out + length, key, 4);
        length += 4;
    }
    return length;
}

int pf_ws_close_code_is_valid(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

const char *pf_ws_reason(int status) {
    switch (status) {
    case PF_WS_BAD_RSV: return "reserved bits without an extension that uses them";
    case PF_WS_BAD_OPCODE: return "unknown opcode";
    case PF_WS_BAD_CONTROL: return "control frame fragmented or too long";
    case PF_WS_BAD_LENGTH: return "length of a frame out of range";
    default: return "bad frame";
    }
}
