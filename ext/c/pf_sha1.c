#include "pf_sha1.h"

#include <stdint.h>
#include <string.h>

enum { BLOCK = 64, LENGTH_AT = BLOCK - 8 };

static inline uint32_t rotate(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

static inline uint32_t load(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The three functions of section 5, the first and the second in forms that need one operation less. */
static inline uint32_t choose(uint32_t b, uint32_t c, uint32_t d) { return d ^ (b & (c ^ d)); }
static inline uint32_t parity(uint32_t b, uint32_t c, uint32_t d) { return b ^ c ^ d; }
static inline uint32_t majority(uint32_t b, uint32_t c, uint32_t d) { return (b & c) | (d & (b | c)); }

#define ROUNDS(from, to, mix, constant)                                                    \
    for (int t = from; t < to; t++) {                                                      \
        if (t >= 16)                                                                       \
            w[t & 15] = rotate(w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ w[t & 15], 1); \
        uint32_t next = rotate(a, 5) + mix(b, c, d) + e + w[t & 15] + constant;            \
        e = d;                                                                             \
        d = c;                                                                             \
        c = rotate(b, 30);                                                                 \
        b = a;                                                                             \
        a = next;                                                                          \
    }

static void add_block(uint32_t state[5], const unsigned char *block) {
    uint32_t w[16], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int t = 0; t < 16; t++)
        w[t] = load(block + 4 * t);
    ROUNDS(0, 20, choose, 0x5a827999u)
    ROUNDS(20, 40, parity, 0x6ed9eba1u)
    ROUNDS(40, 60, majority, 0x8f1bbcdcu)
    ROUNDS(60, 80, parity, 0xca62c1d6u)
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void pf_sha1(const char *data, size_t size, unsigned char digest[PF_SHA1_SIZE]) {
    uint32_t state[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    unsigned char last[2 * BLOCK] = {0};
    size_t left = size % BLOCK, whole = size - left;
    size_t padded = left < LENGTH_AT ? BLOCK : 2 * BLOCK;
    uint64_t bits = (uint64_t)size * 8;

    for (size_t at = 0; at < whole; at += BLOCK)
        add_block(state, (const unsigned char *)data + at);
    if (left != 0)
        memcpy(last, data + whole, left);
    last[left] = 0x80;
    for (int i = 0; i < 8; i++)
        last[padded - 1 - i] = (unsigned char)(bits >> (8 * i));
    for (size_t at = 0; at < padded; at += BLOCK)
        add_block(state, last + at);
    for (int i = 0; i < PF_SHA1_SIZE; i++)
        digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}
