"""Percent-encoding, held against urllib's."""

import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyframework._core.urls import url_escape, url_unescape

TEXT = st.text(st.sampled_from("aZ09 +/%~_.-&=?#é€\U0001f600\x00\x7f4zE"), max_size=12) | st.text(max_size=8)


@given(TEXT)
def test_escape(value: str) -> None:
    assert url_escape(value) == urllib.parse.quote_plus(value) == url_escape(value.encode())
    assert url_escape(value, plus=False) == urllib.parse.quote(value) == url_escape(value.encode(), False)


@given(st.binary(max_size=12))
def test_escape_bytes(value: bytes) -> None:
    assert url_escape(value) == urllib.parse.quote_plus(value) == url_escape(bytearray(value))  # type: ignore[arg-type]
    assert url_escape(value, plus=False) == urllib.parse.quote(value)
    assert url_unescape(url_escape(value), None) == value


@given(TEXT, st.sampled_from(["utf-8", "latin-1", "utf-16", "ascii", "shift_jis"]))
def test_unescape(value: str, encoding: str) -> None:
    assert url_unescape(value, encoding) == urllib.parse.unquote_plus(value, encoding)
    assert url_unescape(value, encoding, plus=False) == urllib.parse.unquote(value, encoding)


@given(TEXT)
def test_unescape_bytes(value: str) -> None:
    assert url_unescape(value, None, plus=False) == urllib.parse.unquote_to_bytes(value)
    assert url_unescape(value.encode(), None) == urllib.parse.unquote_to_bytes(value.replace("+", " "))
    assert url_unescape(value.encode()) == url_unescape(value)


@pytest.mark.parametrize("plus", [True, False])
def test_what_needs_nothing_is_the_same_object(plus: bool) -> None:
    for value in ("", "plain-text_1.0~"):
        assert url_escape(value, plus) is value
    assert url_unescape("é", plus=False) == "é"


@pytest.mark.parametrize("value", [None, 1, ["a"]])
def test_other_types_are_refused(value: object) -> None:
    for call in (lambda: url_escape(value), lambda: url_unescape(value), lambda: url_unescape(value, None)):  # type: ignore[call-overload,arg-type]
        with pytest.raises(TypeError, match="str or bytes|Expected bytes"):
            call()


def test_what_is_no_text_or_no_encoding() -> None:
    with pytest.raises(UnicodeEncodeError):
        url_escape("\ud800")
    with pytest.raises(UnicodeDecodeError):
        url_unescape(b"\xff%41")
    with pytest.raises(LookupError):
        url_unescape("%41", "no-such-encoding")
