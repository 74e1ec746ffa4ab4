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

static void add_block_portably(uint32_t state[5], const unsigned char *block);

#if defined(__x86_64__) && defined(__GNUC__) && !defined(PF_SHA1_PORTABLE)
#include <cpuid.h>
#include <immintrin.h>

/* Four rounds are one instruction; `before` is what a, b, c and d were four rounds ago, and a of then gives the e of
 * now. */
#define FOUR_ROUNDS(g)                                                                                   \
    if (g >= 4)                                                                                          \
        w[g & 3] = _mm_sha1msg2_epu32(                                                                   \
            _mm_xor_si128(_mm_sha1msg1_epu32(w[g & 3], w[(g + 1) & 3]), w[(g + 2) & 3]), w[(g + 3) & 3]); \
    added = g == 0 ? _mm_add_epi32(e, w[0]) : _mm_sha1nexte_epu32(before, w[g & 3]);                     \
    before = abcd;                                                                                       \
    abcd = _mm_sha1rnds4_epu32(abcd, added, g / 5);

__attribute__((target("sha,sse4.1"))) static void add_block_by_instructions(uint32_t state[5], const unsigned char *block) {
    const __m128i big_endian = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    __m128i start = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0x1b);
    __m128i abcd = start, before = start, e = _mm_set_epi32((int)state[4], 0, 0, 0), added, w[4];
    for (int i = 0; i < 4; i++)
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(block + 16 * i)), big_endian);
    FOUR_ROUNDS(0) FOUR_ROUNDS(1) FOUR_ROUNDS(2) FOUR_ROUNDS(3) FOUR_ROUNDS(4)
    FOUR_ROUNDS(5) FOUR_ROUNDS(6) FOUR_ROUNDS(7) FOUR_ROUNDS(8) FOUR_ROUNDS(9)
    FOUR_ROUNDS(10) FOUR_ROUNDS(11) FOUR_ROUNDS(12) FOUR_ROUNDS(13) FOUR_ROUNDS(14)
    FOUR_ROUNDS(15) FOUR_ROUNDS(16) FOUR_ROUNDS(17) FOUR_ROUNDS(18) FOUR_ROUNDS(19)
    e = _mm_sha1nexte_epu32(before, e);
    abcd = _mm_shuffle_epi32(_mm_add_epi32(abcd, start), 0x1b);
    _mm_storeu_si128((__m128i *)state, abcd);
    state[4] = (uint32_t)_mm_extract_epi32(e, 3);
}

static int has_instructions(void) {
    static int known; /* 0: not asked yet; asking takes longer than the hash */
    unsigned a, b, c, d;
    if (known == 0) {
        int sse = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) && (c & bit_SSSE3);
        int sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
        known = sse && sha ? 1 : -1;
    }
    return known > 0;
}

static void add_block(uint32_t state[5], const unsigned char *block) {
    if (has_instructions())
        add_block_by_instructions(state, block);
    else
        add_block_portably(state, block);
}
#else
#define add_block add_block_portably
#endif

static void add_block_portably(uint32_t state[5], const unsigned char *block) {
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
