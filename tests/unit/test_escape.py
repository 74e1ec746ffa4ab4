import html.parser
import json
import tracemalloc
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyframework import escape

# The bytes that matter to percent-decoding and to quoted-printable, often next to each other.
tricky_bytes = st.lists(
    st.sampled_from([b"%", b"=", b"&", b"+", b"_", b"a", b"2", b"5", b"3", b"D", b"d", b"\r", b"\n", b" ", b"\xff"]),
    max_size=30,
).map(b"".join)


class TestConversions:
    def test_utf8(self):
        assert escape.utf8("é") == b"\xc3\xa9"
        assert escape.utf8(b"\xff") == b"\xff"
        assert escape.utf8(None) is None

    def test_to_unicode_and_its_names(self):
        assert escape.to_unicode(b"\xc3\xa9") == "é"
        assert escape.to_unicode("é") == "é"
        assert escape.to_unicode(None) is None
        assert escape.native_str is escape.to_basestring is escape._unicode is escape.to_unicode

    @pytest.mark.parametrize("value", [5, bytearray(b"a"), ["a"], object()])
    def test_other_types(self, value):
        with pytest.raises(TypeError, match=type(value).__name__):
            escape.utf8(value)
        with pytest.raises(TypeError, match=type(value).__name__):
            escape.to_unicode(value)

    def test_what_cannot_be_converted(self):
        with pytest.raises(UnicodeDecodeError):
            escape.to_unicode(b"\xff")
        with pytest.raises(UnicodeEncodeError):
            escape.utf8("\ud800")

    def test_subclasses_pass(self):
        class Name(str):
            pass

        name = Name("x")
        assert escape.to_unicode(name) is name
        assert escape.utf8(name) == b"x"

    def test_recursive_unicode(self):
        nested = {b"k": [b"a", (b"b", {1: b"c"}), None, 5], "s": {b"d"}}
        assert escape.recursive_unicode(nested) == {"k": ["a", ("b", {1: "c"}), None, 5], "s": {b"d"}}


class TestHtml:
    def test_escape(self):
        assert escape.xhtml_escape("""<a b='c' d="e">&</a>""") == (
            "&lt;a b=&#x27;c&#x27; d=&quot;e&quot;&gt;&amp;&lt;/a&gt;"
        )
        assert escape.xhtml_escape(b"\xc3\xa9<") == "é&lt;"

    @given(st.text())
    def test_round_trip(self, text):
        escaped = escape.xhtml_escape(text)
        assert not set("<>\"'") & set(escaped)
        assert escape.xhtml_unescape(escaped) == text

    def test_unescape(self):
        assert escape.xhtml_unescape("&eacute;&#65;&#x42;&bogus;&") == "éAB&bogus;&"
        assert escape.xhtml_unescape(b"&lt;") == "<"

    def test_bytes_must_be_utf8(self):
        with pytest.raises(UnicodeDecodeError):
            escape.xhtml_escape(b"\xff")


class TestJson:
    def test_a_script_element_cannot_be_ended(self):
        encoded = escape.json_encode({"</": "</script>", "plain": "a/b < c"})
        assert "</" not in encoded
        assert escape.json_decode(encoded) == {"</": "</script>", "plain": "a/b < c"}

    def test_decode_bytes(self):
        assert escape.json_decode(b'["\xc3\xa9"]') == ["é"]

    @pytest.mark.parametrize("value", ["", "[", b"\xff", "{'a': 1}"])
    def test_bad_json(self, value):
        with pytest.raises(ValueError):
            escape.json_decode(value)

    @pytest.mark.parametrize(
        "value", ["a", 1, None, True, 1.5, float("inf"), [1, "</"], (1, 2), {"a": {"b": []}}, {1: 2, None: 3, False: 1}]
    )
    def test_as_the_standard_library_writes_it(self, value):
        assert escape.json_encode(value) == json.dumps(value).replace("</", "<\\/")

    def test_circles(self):
        circle = []
        circle.append(circle)
        with pytest.raises(ValueError, match="Circular"):
            escape.json_encode(circle)
        assert escape.json_encode([[], []]) == "[[], []]"

    def test_what_has_no_json(self):
        with pytest.raises(TypeError):
            escape.json_encode(b"bytes")
        assert json.loads(escape.json_encode(None)) is None


def test_squeeze():
    assert escape.squeeze(" a \t\r\n b\x00\x1fc  ") == "a b c"
    assert escape.squeeze("") == ""


class TestUrl:
    def test_escape(self):
        assert escape.url_escape("a b/é+~") == "a+b%2F%C3%A9%2B~"
        assert escape.url_escape("a b/é+~", plus=False) == "a%20b/%C3%A9%2B~"
        assert escape.url_escape(b"\xff") == "%FF"

    @given(st.text(), st.booleans())
    def test_round_trip(self, text, plus):
        assert escape.url_unescape(escape.url_escape(text, plus), plus=plus) == text

    @given(st.binary(), st.booleans())
    def test_round_trip_of_bytes(self, data, plus):
        assert escape.url_unescape(escape.url_escape(data, plus), None, plus) == data

    def test_encodings(self):
        assert escape.url_unescape("%E9", "latin-1") == "é"
        assert escape.url_unescape(b"%E9", None) == b"\xe9"
        assert escape.url_unescape("%E9") == "\ufffd"

    def test_what_is_no_escape_stays(self):
        assert escape.url_unescape("100%&%zz%4") == "100%&%zz%4"
        assert escape.url_unescape("%", None) == b"%"

    def test_raw_bytes_pass_through_undecoded(self):
        assert escape.url_unescape(b"\xff+%41", None) == b"\xff A"

    @given(tricky_bytes)
    def test_bytes_are_decoded_as_by_the_standard_library(self, data):
        assert escape.url_unescape(data, None, False) == urllib.parse.unquote_to_bytes(data)
        assert escape.url_unescape(data, None) == urllib.parse.unquote_to_bytes(data.replace(b"+", b" "))


class TestParseQsBytes:
    def test_names_and_values(self):
        parsed = escape.parse_qs_bytes(b"a=1&b=x+y&a=%32&%E9=%E9&a=b=c")
        assert parsed == {"a": [b"1", b"2", b"b=c"], "b": [b"x y"], "é": [b"\xe9"]}

    def test_blank_values(self):
        assert escape.parse_qs_bytes("a&b=&&=c") == {"": [b"c"]}
        assert escape.parse_qs_bytes("a&b=&&=c", keep_blank_values=True) == {"a": [b""], "b": [b""], "": [b"c"]}

    @pytest.mark.parametrize("qs", ["a", "a=1&", "&a=1", "a=1&&b=2"])
    def test_strict(self, qs):
        with pytest.raises(ValueError, match="without '='"):
            escape.parse_qs_bytes(qs, strict_parsing=True)

    def test_nothing(self):
        assert escape.parse_qs_bytes("") == escape.parse_qs_bytes(b"", strict_parsing=True) == {}

    def test_the_number_of_fields_is_limited(self):
        assert len(escape.parse_qs_bytes("a=1&b=2", max_num_fields=2)) == 2
        with pytest.raises(ValueError, match="the limit is 2"):
            escape.parse_qs_bytes("a=1&b=2&c=3", max_num_fields=2)
        with pytest.raises(ValueError, match="the limit is 2"):
            escape.parse_qs_bytes("&&&&&", max_num_fields=2)

    def test_str_beyond_latin1(self):
        with pytest.raises(ValueError):
            escape.parse_qs_bytes("中=1")

    @given(tricky_bytes, st.booleans(), st.booleans())
    def test_against_the_standard_library(self, qs, keep_blank, strict):
        def outcome(parse):
            try:
                return parse()
            except ValueError:
                return ValueError

        def expected():
            parsed = urllib.parse.parse_qs(qs.decode("latin-1"), keep_blank, strict, encoding="latin-1")
            return {name: [value.encode("latin-1") for value in values] for name, values in parsed.items()}

        assert outcome(lambda: escape.parse_qs_bytes(qs, keep_blank, strict)) == outcome(expected)

    @pytest.mark.parametrize("unit", [b"%41", b"%", b"%a", b"%3D", b"a=&"])
    def test_memory_is_in_proportion(self, unit):
        qs = b"name=" + unit * (100_000 // len(unit))
        tracemalloc.start()
        try:
            escape.parse_qs_bytes(qs)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 60 * len(qs)


class Links(html.parser.HTMLParser):
    """Collects (href, text) of each link, and the text of all."""

    def __init__(self, page):
        super().__init__()
        self.links, self.text, self.href = [], "", None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        assert tag == "a"
        self.href, self.start = dict(attributes)["href"], len(self.text)

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        self.links.append((self.href, self.text[self.start :]))


class TestLinkify:
    @pytest.mark.parametrize(
        "text, url",
        [
            ("see http://example.com/a_b.", "http://example.com/a_b"),
            ("(see https://example.com/x_(y))", "https://example.com/x_(y)"),
            ("http://example.com/(unclosed", "http://example.com/"),
            ("<http://example.com/?a=1&b=2>", "http://example.com/?a=1&b=2"),
            ('"http://example.com"', "http://example.com"),
            ("--http://example.com", "http://example.com"),
            ("http://user:pass@example.com:80/~x!", "http://user:pass@example.com:80/~x"),
            ("http://➡.ws/䨹", "http://➡.ws/䨹"),
        ],
    )
    def test_where_a_link_starts_and_ends(self, text, url):
        page = Links(escape.linkify(text))
        assert page.links == [(url, url)]
        assert page.text == text

    @pytest.mark.parametrize("text", ["http:// !", "www. x", "ftp://example.com", "javascript:/x", "a://", "http:x"])
    def test_what_is_no_link(self, text):
        assert escape.linkify(text, permitted_protocols=["https"]) == escape.xhtml_escape(text)

    def test_www(self):
        assert escape.linkify("www.example.com") == '<a href="http://www.example.com">www.example.com</a>'
        assert escape.linkify("www.example.com", require_protocol=True) == "www.example.com"

    def test_permitted_protocols(self):
        text = "ftp://a.example http://b.example"
        assert Links(escape.linkify(text, permitted_protocols=["ftp"])).links == [("ftp://a.example",) * 2]

    def test_extra_params(self):
        assert escape.linkify("http://a.example", extra_params=' rel="nofollow" ') == (
            '<a href="http://a.example" rel="nofollow">http://a.example</a>'
        )
        seen = []
        escape.linkify("www.a.example http://b.example", extra_params=lambda href: seen.append(href) or "")
        assert seen == ["http://www.a.example", "http://b.example"]

    def test_shorten(self):
        url = "http://example.com/directory.name/and/much/more"
        assert escape.linkify(url, shorten=True) == f'<a href="{url}" title="{url}">http://example.com/director...</a>'
        host = "http://a-very-long-host-name-that-goes-on-and-on.example"
        assert Links(escape.linkify(host, shorten=True)).links == [(host, f"{host[:30]}...")]
        assert escape.linkify("http://example.com/short", shorten=True) == escape.linkify("http://example.com/short")

    @given(st.lists(st.sampled_from("http:// www. a - . ( ) & < > \" ' ! ? = é /x ; amp".split(" ")), max_size=20))
    def test_the_text_is_kept_and_escaped(self, words):
        text = "".join(words)
        page = Links(escape.linkify(text))
        assert page.text == text
        assert all(href in (shown, f"http://{shown}") for href, shown in page.links)

    @pytest.mark.parametrize("unit", ["a-", "-", "http:/!", "http://a(", "www.", "x:/", "é-", "&", "http://!!"])
    def test_long_hostile_text_is_quick(self, unit):
        # Quadratic time would be minutes here.
        text = unit * (200_000 // len(unit))
        assert Links(escape.linkify(text)).text == text
