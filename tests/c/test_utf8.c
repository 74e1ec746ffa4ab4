/* pf_utf8_check against RFC 3629 section 4: each code point, each way to write what is none, and every place to cut. */
#include "check.h"
#include "pf_utf8.h"

static int whole(const char *text, size_t size) {
    pf_utf8 utf8 = {0};
    return pf_utf8_check(&utf8, text, size) == 0 && utf8.left == 0;
}

static size_t encode(unsigned point, char *out) {
    if (point < 0x80) return out[0] = (char)point, 1;
    if (point < 0x800) return out[0] = (char)(0xC0 | point >> 6), out[1] = (char)(0x80 | (point & 63)), 2;
    size_t size = point < 0x10000 ? 3 : 4;
    out[0] = (char)(size == 3 ? 0xE0 | point >> 12 : 0xF0 | point >> 18);
    for (size_t i = 1; i < size; i++) out[i] = (char)(0x80 | (point >> 6 * (size - 1 - i) & 63));
    return size;
}

static void each_code_point(void) {
    char text[4];
    for (unsigned point = 0; point < 0x120000; point++) {
        int valid = point < 0x110000 && (point < 0xD800 || point > 0xDFFF);
        CHECK_EQ(whole(text, encode(point, text)), valid);
    }
}

static void longer_than_need_be(void) {
    CHECK(!whole("\xC0\x80", 2) && !whole("\xC1\xBF", 2));
    CHECK(!whole("\xE0\x9F\xBF", 3) && whole("\xE0\xA0\x80", 3));
    CHECK(!whole("\xF0\x8F\xBF\xBF", 4) && whole("\xF0\x90\x80\x80", 4));
    CHECK(!whole("\x80", 1) && !whole("\xF5\x80\x80\x80", 4) && !whole("\xFF", 1));
}

static void fails_at_the_first_wrong_byte(void) {
    pf_utf8 utf8 = {0};
    CHECK_EQ(pf_utf8_check(&utf8, "sixteen ascii \xED", 15), 0);
    CHECK(utf8.left == 2);
    CHECK_EQ(pf_utf8_check(&utf8, "\xA0", 1), -1); /* a surrogate */
}

static void cut_anywhere(void) {
    const char text[] = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5, plain text of some length, \xF0\x9F\x98\x80 and more";
    size_t size = sizeof text - 1;
    CHECK(whole(text, size));
    for (size_t cut = 0; cut <= size; cut++) {
        pf_utf8 utf8 = {0};
        CHECK_EQ(pf_utf8_check(&utf8, text, cut), 0);
        CHECK_EQ(pf_utf8_check(&utf8, text + cut, size - cut), 0);
        CHECK_EQ(utf8.left, 0);
    }
}

int main(void) {
    RUN(each_code_point);
    RUN(longer_than_need_be);
    RUN(fails_at_the_first_wrong_byte);
    RUN(cut_anywhere);
    return 0;
}
