import copy
import pickle
from collections.abc import MutableMapping

import pytest

from pyframework.httputil import HTTPHeaders, HTTPInputError


class Special(HTTPHeaders):
    pass


@pytest.mark.parametrize(
    "headers",
    [
        HTTPHeaders({"content-type": "a", "X": "b"}),
        HTTPHeaders([("CONTENT-TYPE", "a"), ("x", "b")]),
        HTTPHeaders({"content-type": "a"}, x="b"),
        HTTPHeaders(HTTPHeaders({"content-type": "a"}), x="b"),
        HTTPHeaders.parse("content-type: a\r\nx:b"),
    ],
)
def test_constructors(headers: HTTPHeaders) -> None:
    assert isinstance(headers, MutableMapping)
    assert list(headers.items()) == [("Content-Type", "a"), ("X", "b")]
    assert headers == {"Content-Type": "a", "X": "b"}
    assert headers != {"content-type": "a", "x": "b"}
    assert str(headers) == "Content-Type: a\nX: b\n"


def test_the_constructor_keeps_repeated_fields_of_other_headers() -> None:
    headers = HTTPHeaders.parse("A: 1\nA: 2")
    assert HTTPHeaders(headers).get_list("a") == ["1", "2"]


@pytest.mark.parametrize("argument", [None, 3, [1]])
def test_constructor_errors(argument: object) -> None:
    with pytest.raises(TypeError):
        HTTPHeaders(argument)


def test_repeated_fields() -> None:
    headers = HTTPHeaders()
    headers.add("Set-Cookie", "a=1")
    headers.add("Other", "x")
    headers.add("set-cookie", "b=2")
    assert headers["SET-COOKIE"] == "a=1,b=2"
    assert headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert headers.get_list("nothing") == []
    assert list(headers.get_all()) == [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Other", "x")]
    headers["Set-Cookie"] = "c=3"
    assert headers.get_list("set-cookie") == ["c=3"]
    del headers["set-COOKIE"]
    assert list(headers) == ["Other"]
    with pytest.raises(KeyError):
        del headers["Set-Cookie"]


def test_get_list_returns_a_new_list() -> None:
    headers = HTTPHeaders.parse("A: 1\nA: 2")
    headers.get_list("A").append("3")
    assert headers.get_list("A") == ["1", "2"]


def test_mutable_mapping() -> None:
    headers = HTTPHeaders({"A": "1"})
    assert headers.setdefault("a", "2") == "1"
    assert headers.pop("A") == "1"
    assert headers.pop("A", "none") == "none"
    headers.update({"b": "2"}, c="3")
    assert headers.popitem() == ("B", "2")
    headers.clear()
    assert len(headers) == 0
    assert 3 not in headers
    with pytest.raises(TypeError):
        headers[b"A"] = "1"  # type: ignore[index]
    with pytest.raises(TypeError):
        hash(headers)


@pytest.mark.parametrize("make", [HTTPHeaders.copy, copy.copy, copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h))])
def test_copies(make: object) -> None:
    headers = HTTPHeaders.parse("A: 1\nA: 2\nB: 3")
    other = make(headers)  # type: ignore[operator]
    assert type(other) is HTTPHeaders
    other.add("A", "4")
    other["B"] = "5"
    assert list(headers.get_all()) == [("A", "1"), ("A", "2"), ("B", "3")]
    assert list(other.get_all()) == [("A", "1"), ("A", "2"), ("A", "4"), ("B", "5")]


def test_copies_of_a_subclass() -> None:
    headers = Special(a="b")
    headers.mark = 1  # type: ignore[attr-defined]
    assert type(headers.copy()) is HTTPHeaders
    for other in (copy.deepcopy(headers), pickle.loads(pickle.dumps(headers))):
        assert type(other) is Special
        assert other == headers
        assert other.mark == 1


@pytest.mark.parametrize("name", ["", "a b", "a:", "\xe9", "a\n", "(a)", " a"])
def test_add_refuses_a_name(name: str) -> None:
    with pytest.raises(HTTPInputError, match="name"):
        HTTPHeaders().add(name, "x")


@pytest.mark.parametrize("value", [" a", "a ", "\ta", "a\r", "a\nb", "\0", "\x7f", "\u0100"])
def test_add_refuses_a_value(value: str) -> None:
    with pytest.raises(HTTPInputError, match="value"):
        HTTPHeaders().add("A", value)


def test_add_of_text_instead_of_bytes() -> None:
    headers = HTTPHeaders()
    headers.add("A", "\u65e5 ", _chars_are_bytes=False)
    assert headers["A"] == "\u65e5 "
    for value in ("\u65e5\r", "a\0"):
        with pytest.raises(HTTPInputError):
            headers.add("A", value, _chars_are_bytes=False)
    with pytest.raises(TypeError):
        headers.add("A", 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("line", ["A: 1", "A:1\n", "a: \t1 \r\n"])
def test_parse_line(line: str) -> None:
    headers = HTTPHeaders()
    headers.parse_line(line)
    assert list(headers.get_all()) == [("A", "1")]


@pytest.mark.parametrize("line", [" folded", "\tfolded", "no colon", ": no name", "A : 1", "A: 1\r", "A: 1\r\r\n"])
def test_parse_line_errors(line: str) -> None:
    with pytest.raises(HTTPInputError):
        HTTPHeaders.parse("First: 1\n" + line)


def test_parse_skips_empty_lines() -> None:
    assert list(HTTPHeaders.parse("\r\nA: 1\n\nB: 2\r\n\r\n").get_all()) == [("A", "1"), ("B", "2")]


def test_setting_checks_nothing() -> None:
    headers = HTTPHeaders({"A": ["x", "y"]})  # type: ignore[dict-item]
    assert headers["A"] == ["x", "y"]  # type: ignore[comparison-overlap]
    headers["not a token"] = "a\nb"
    assert headers.copy()["Not a token"] == "a\nb"
