#include "pf_mask.h"

#include <stdint.h>
#include <string.h>

static size_t mask_words(char *out, const char *data, size_t size, const unsigned char key[4]) {
    uint64_t pattern, word;
    size_t at = 0;
    memcpy(&pattern, key, 4);
    memcpy((char *)&pattern + 4, key, 4);
    for (; size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, data + at, sizeof word);
        word ^= pattern;
        memcpy(out + at, &word, sizeof word);
    }
    return at;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

__attribute__((target("avx2"))) static size_t mask_avx2(char *out, const char *data, size_t size,
                                                        const unsigned char key[4]) {
    int32_t word;
    size_t at = 0;
    memcpy(&word, key, 4);
    const __m256i pattern = _mm256_set1_epi32(word);
    for (; size - at >= 32; at += 32) {
        const __m256i block = _mm256_loadu_si256((const __m256i *)(data + at));
        _mm256_storeu_si256((__m256i *)(out + at), _mm256_xor_si256(block, pattern));
    }
    return at;
}

static size_t mask_blocks(char *out, const char *data, size_t size, const unsigned char key[4]) {
    return size >= 64 && __builtin_cpu_supports("avx2") ? mask_avx2(out, data, size, key) : 0;
}
#else
static size_t mask_blocks(char *out, const char *data, size_t size, const unsigned char key[4]) {
    return 0;
}
#endif

void pf_mask(char *out, const char *data, size_t size, const unsigned char key[4], size_t offset) {
    const unsigned char turned[4] = {key[offset & 3], key[(offset + 1) & 3], key[(offset + 2) & 3], key[(offset + 3) & 3]};
    size_t at = mask_blocks(out, data, size, turned);
    at += mask_words(out + at, data + at, size - at, turned);
    for (; at < size; at++) out[at] = (char)(data[at] ^ turned[at & 3]);
}
