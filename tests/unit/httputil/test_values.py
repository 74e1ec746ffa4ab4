"""Cookies, dates, parameters, ranges, start lines, URLs and the other small formats."""

import datetime
import time
import unittest
from typing import Any

import pytest

from pyframework import httputil
from pyframework.httputil import (
    _ABNF,
    HTTPInputError,
    _encode_header,
    _get_content_range,
    _int_or_none,
    _parse_header,
    _parse_request_range,
    _unquote_cookie,
    encode_username_password,
    format_timestamp,
    parse_cookie,
    parse_request_start_line,
    parse_response_start_line,
    qs_to_qsl,
    split_host_and_port,
    url_concat,
)


@pytest.mark.parametrize(
    ("line", "params"),
    [
        ("a", {}),
        ("a; b", {}),
        ("a;b=", {"b": ""}),
        (" a ; B = c ; ;d=e=f", {"b": "c", "d": "e=f"}),
        ('a; b="c;d"; e="x\\"y\\\\z"', {"b": "c;d", "e": 'x"y\\z'}),
        ('a; b="x\\\\"; c=d', {"b": "x\\", "c": "d"}),
        ('a; b="x; c=d', {"b": '"x; c=d'}),
        ("a; b*=utf-8''%C3%A1", {"b": "\xe1"}),
        ("a; b*=utf-8''%C3%A1; b=x", {"b": "\xe1"}),
        ("a; b*=nonsense''%E1", {"b": "\xe1"}),
        ("a; b*0=x; b*1=y", {"b": "xy"}),
        ("a; b=1; b=2", {"b": "2"}),
    ],
)
def test_parse_header(line: str, params: dict[str, str]) -> None:
    assert _parse_header(line) == ("a", params)


@pytest.mark.parametrize("params", ["b*1=x; b*=y", "b*=%00''x", "b*" + "9" * 5000 + "=x", "b*=idna''%FF"])
def test_parse_header_errors(params: str) -> None:
    with pytest.raises(HTTPInputError):
        _parse_header("a; " + params)


def test_encode_header() -> None:
    assert _encode_header("a", {"c": None, "b": 1, "d": ""}) == "a; b=1; c; d="
    assert _encode_header("a", {}) == "a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=1-2", (1, 3)),
        ("bytes = 1 - 2 ", (1, 3)),
        ("bytes=6-", (6, None)),
        ("bytes=-6", (-6, None)),
        ("bytes=-0", (None, 0)),
        ("bytes=0-0", (0, 1)),
        ("bytes=2-1", (2, 2)),
        ("bytes=", (None, None)),
        ("items=1-2", None),
        ("bytes=1-2,4-5", None),
        ("bytes=a-b", None),
        ("bytes=--1", None),
        ("bytes=+1-2", None),
        ("bytes=1_0-20", None),
        ("bytes=\u0663-", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_parse_request_range(text: str, expected: object) -> None:
    assert _parse_request_range(text) == expected


def test_get_content_range() -> None:
    assert _get_content_range(None, None, 4) == "bytes 0-3/4"
    assert _get_content_range(1, 3, 4) == "bytes 1-2/4"
    assert _get_content_range(2, None, 4) == "bytes 2-3/4"


def test_int_or_none() -> None:
    assert (_int_or_none(" 3 "), _int_or_none(" ")) == (3, None)
    with pytest.raises(ValueError):
        _int_or_none("x")


@pytest.mark.parametrize(
    ("line", "expected"),
    [("GET / HTTP/1.1", ("GET", "/", "HTTP/1.1")), ("M-SEARCH *?\xe9 HTTP/1.0", ("M-SEARCH", "*?\xe9", "HTTP/1.0"))],
)
def test_request_lines(line: str, expected: tuple[str, ...]) -> None:
    assert parse_request_start_line(line) == expected


@pytest.mark.parametrize(
    "line",
    ["", "GET /", "GET  / HTTP/1.1", "GET / x HTTP/1.1", "GET / HTTP/1.10", "GET / http/1.1", "G[ / HTTP/1.1"]
    + ["GET / HTTP/2.0", "GET / HTTP/0.9", "GET / HTTP/1.1\n", " GET / HTTP/1.1", "GET /\u0100 HTTP/1.1"],
)
def test_bad_request_lines(line: str) -> None:
    with pytest.raises(HTTPInputError):
        parse_request_start_line(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("HTTP/1.1 200 OK", ("HTTP/1.1", 200, "OK")),
        ("HTTP/1.0 404 Not Found\t!", ("HTTP/1.0", 404, "Not Found\t!")),
        ("HTTP/1.1 200 ", ("HTTP/1.1", 200, None)),
    ],
)
def test_status_lines(line: str, expected: tuple[Any, ...]) -> None:
    assert parse_response_start_line(line) == expected


@pytest.mark.parametrize("line", ["", "HTTP/1.1 200", "HTTP/1.1 20 OK", "HTTP/2.0 200 OK", "HTTP/1.1 200 \x01"])
def test_bad_status_lines(line: str) -> None:
    with pytest.raises(HTTPInputError):
        parse_response_start_line(line)


@pytest.mark.parametrize(
    ("url", "args", "expected"),
    [
        ("/a?x=1&&#f", {"b": "\xfc "}, "/a?x=1&b=%C3%BC+#f"),
        ("/a", [("b", "1"), ("b", "2")], "/a?b=1&b=2"),
        ("http://h/p;q?x", (("y", "/"),), "http://h/p;q?x=&y=%2F"),
        ("/a?b&c", None, "/a?b&c"),
        ("/a", {}, "/a"),
    ],
)
def test_url_concat(url: str, args: Any, expected: str) -> None:
    assert url_concat(url, args) == expected


def test_url_concat_errors() -> None:
    with pytest.raises(TypeError):
        url_concat("/", "a=b")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("netloc", "expected"),
    [("a", ("a", None)), ("a:80", ("a", 80)), ("[::1]:80", ("[::1]", 80)), ("[::1]", ("[::1]", None))]
    + [(":80", (":80", None)), ("a:b", ("a:b", None)), ("a:\uff18", ("a:\uff18", None)), ("", ("", None))],
)
def test_split_host_and_port(netloc: str, expected: tuple[str, int | None]) -> None:
    assert split_host_and_port(netloc) == expected


def test_qs_to_qsl() -> None:
    assert list(qs_to_qsl({"a": [b"1", b"2"], "b": []})) == [("a", b"1"), ("a", b"2")]


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        ("", {}),
        ("a=b; c = d ;", {"a": "b", "c": "d"}),
        ("a=b; a=c", {"a": "c"}),
        ("a", {"": "a"}),
        ("=; x=", {"x": ""}),
        ('a="b\\"c\\054\\d"', {"a": 'b"c,d'}),
        ('a="; b="c"d"', {"a": '"', "b": 'c"d'}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
def test_parse_cookie(cookie: str, expected: dict[str, str]) -> None:
    assert parse_cookie(cookie) == expected


def test_unquote_cookie() -> None:
    assert _unquote_cookie('"a\\400"') == "a400"
    assert _unquote_cookie('"\\"') == "\\"
    assert _unquote_cookie("plain") == "plain"


@pytest.mark.parametrize(
    "moment",
    [
        1359312200,
        1359312200.9,
        time.gmtime(1359312200),
        tuple(time.gmtime(1359312200)),
        datetime.datetime(2013, 1, 27, 18, 43, 20),
        datetime.datetime(2013, 1, 27, 19, 43, 20, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
    ],
)
def test_format_timestamp(moment: Any) -> None:
    assert format_timestamp(moment) == "Sun, 27 Jan 2013 18:43:20 GMT"


def test_format_timestamp_errors() -> None:
    with pytest.raises(TypeError):
        format_timestamp("now")  # type: ignore[arg-type]


def test_encode_username_password() -> None:
    assert encode_username_password("\xe9", b"\xff") == b"\xc3\xa9:\xff"
    assert encode_username_password("e\u0301", "") == b"\xc3\xa9:"


def test_grammar() -> None:
    for text, valid in {
        "": True,
        "a": True,
        "a b\tc": True,
        " a": False,
        "a ": False,
        "\xff": True,
        "a\n": False,
    }.items():
        assert bool(_ABNF.field_value.fullmatch(text)) is valid
    assert _ABNF.host.fullmatch("[::1]:80") and not _ABNF.host.fullmatch("a/b")


def test_doctests() -> None:
    result = unittest.TestResult()
    httputil.doctests().run(result)
    assert result.testsRun >= 3
    assert result.wasSuccessful()


def test_everything_is_exported() -> None:
    assert all(hasattr(httputil, name) for name in httputil.__all__)
    assert httputil.responses[404] == "Not Found"
