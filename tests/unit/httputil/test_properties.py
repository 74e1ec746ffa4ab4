"""Properties of what is read from peers: it comes back as it was, and nothing else escapes than HTTPInputError."""

import http.cookies
import io
import urllib.parse
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pyframework import httputil
from pyframework._core import forms
from pyframework._forwarded import node_address, parse_forwarded
from pyframework._proxy_protocol import ProxyHeaderError, header_size, parse
from pyframework.escape import parse_qs_bytes

TOKEN = st.text("!#$%&'*+-.^_`|~0123456789abcXYZ", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30).map(
    lambda text: text.strip(" \t\x85\xa0")
)
NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), min_size=1, max_size=12)
BOUNDARY = st.text("abcXYZ0123'()+_,-./:=?", min_size=1, max_size=70)


@given(st.lists(st.tuples(TOKEN, VALUE), max_size=8))
def test_header_fields_come_back(fields: list[tuple[str, str]]) -> None:
    headers = httputil.HTTPHeaders()
    for name, value in fields:
        headers.add(name, value)
    again = httputil.HTTPHeaders.parse(str(headers))
    assert list(again.get_all()) == list(headers.get_all())
    for name, _ in fields:
        expected = [value for other, value in fields if other.lower() == name.lower()]
        assert headers.get_list(name.swapcase()) == expected


@given(st.text(max_size=60))
def test_header_blocks_of_any_kind(text: str) -> None:
    try:
        httputil.HTTPHeaders.parse(text)
    except httputil.HTTPInputError:
        pass


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.binary()), max_size=8))
def test_forms_come_back(fields: list[tuple[str, bytes]]) -> None:
    quote = urllib.parse.quote_plus
    body = "&".join(f"{quote(name)}={quote(value)}" for name, value in fields)
    read = parse_qs_bytes(body, keep_blank_values=True)
    expected: dict[str, list[bytes]] = {}
    for name, value in fields:
        expected.setdefault(name.encode().decode("latin-1"), []).append(value)
    assert read == expected


@given(st.binary(max_size=80))
def test_forms_of_any_kind(body: bytes) -> None:
    arguments: dict[str, list[bytes]] = {}
    try:
        httputil.parse_body_arguments("application/x-www-form-urlencoded", body, arguments, {})
    except httputil.HTTPInputError:
        return
    assert sum(map(len, arguments.values())) <= body.count(b"&") + 1


@given(BOUNDARY, st.lists(st.tuples(NAME, st.one_of(st.none(), NAME), st.binary(max_size=50)), max_size=5))
def test_multipart_comes_back(boundary: str, parts: list[tuple[str, str | None, bytes]]) -> None:
    mark = f"--{boundary}".encode()
    if any(mark in content or mark in name.encode() for name, _, content in parts):
        return
    body = io.BytesIO()
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        header = f'\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body.write(mark + header.encode() + content + b"\r\n")
    body.write(mark + b"--\r\n")
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[Any]] = {}
    httputil.parse_multipart_form_data(boundary.encode(), body.getvalue(), arguments, files)
    values = [(name, content) for name, filename, content in parts if filename is None]
    assert [(name, value) for name in arguments for value in arguments[name]] == sorted_by_first(values)
    found = [(name, file["filename"], file["body"]) for name in files for file in files[name]]
    assert found == sorted_by_first([(name, filename, content) for name, filename, content in parts if filename])


def sorted_by_first(rows: list[Any]) -> list[Any]:
    """Rows with the same name behind the first of them."""
    names = list(dict.fromkeys(row[0] for row in rows))
    return sorted(rows, key=lambda row: names.index(row[0]))


@given(
    st.lists(st.sampled_from([b"--x", b"\r\n", b"--", b"x", b"-", b"--x\r\n", b"--x--", b"a", b"\0"]), max_size=20),
    st.sampled_from([b"x", b"-", b"--", b"x--x", b"xx"]),
)
def test_parts_are_those_of_a_slow_reading(pieces: list[bytes], boundary: bytes) -> None:
    data = b"".join(pieces)
    end = data.rfind(b"--" + boundary + b"--")
    try:
        found = forms.parts(data, boundary, 1000)
    except ValueError:
        assert end == -1
        return
    slow = [part for part in data[:end].split(b"--" + boundary + b"\r\n") if part]
    assert [data[start:stop] for start, stop in found] == slow


@given(st.binary(max_size=100), st.binary(min_size=1, max_size=5))
def test_multipart_of_any_kind(body: bytes, boundary: bytes) -> None:
    try:
        httputil.parse_multipart_form_data(boundary, body + b"--" + boundary + b"--", {}, {})
    except httputil.HTTPInputError:
        pass


@given(st.dictionaries(TOKEN, st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20), max_size=5))
def test_cookies_come_back(values: dict[str, str]) -> None:
    cookies: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
    known = {}
    for name, value in values.items():
        try:
            cookies[name] = value
        except http.cookies.CookieError:
            continue
        known[name] = value
    header = "; ".join(f"{morsel.key}={morsel.coded_value}" for morsel in cookies.values())
    assert httputil.parse_cookie(header) == known


@given(st.text(max_size=60))
def test_cookies_of_any_kind(header: str) -> None:
    for name, value in httputil.parse_cookie(header).items():
        assert isinstance(name, str) and isinstance(value, str)


@given(st.one_of(st.none(), st.integers(0, 10**6)), st.one_of(st.none(), st.integers(0, 10**6)))
def test_ranges(first: int | None, last: int | None) -> None:
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    start, end = httputil._parse_request_range(text) or (None, None)
    everything = range(2 * 10**6)
    if first is None and last is not None:
        expected = everything[len(everything) - last :]
    else:
        expected = everything[first : None if last is None else last + 1]
    assert everything[start:end] == expected


@given(st.text(max_size=30))
def test_ranges_of_any_kind(text: str) -> None:
    found = httputil._parse_request_range("bytes=" + text)
    assert found is None or all(part is None or isinstance(part, int) for part in found)


@given(st.lists(st.tuples(TOKEN, VALUE), max_size=5), st.sampled_from(["/a", "http://h/p?x=y", "?z", "/a#f"]))
def test_url_concat(pairs: list[tuple[str, str]], url: str) -> None:
    joined = urllib.parse.urlsplit(httputil.url_concat(url, pairs))
    before = urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, keep_blank_values=True)
    assert urllib.parse.parse_qsl(joined.query, keep_blank_values=True) == before + pairs
    assert joined._replace(query="") == urllib.parse.urlsplit(url)._replace(query="")


@given(st.text(max_size=40))
def test_parameters_of_any_kind(text: str) -> None:
    value, parameters = httputil._parse_header(text)
    assert isinstance(value, str) and all(isinstance(name, str) for name in parameters)


@given(TOKEN, st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20))
def test_parameters_come_back(name: str, value: str) -> None:
    name = name.replace("*", "x")  # it would say that the value is in RFC 2231's encoding
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert httputil._parse_header(f'a; {name}="{quoted}"; b=c') == ("a", {name.lower(): value, "b": "c"})


@given(st.text(max_size=60))
def test_forwarded_of_any_kind(text: str) -> None:
    elements = parse_forwarded(text)
    for element in elements or []:
        node_address(element.get("for", ""))


@given(st.binary(max_size=60), st.sampled_from([b"", b"PROXY TCP4 ", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"]))
def test_proxy_headers_of_any_kind(data: bytes, beginning: bytes) -> None:
    try:
        size = header_size(beginning + data)
        if size is not None and size <= len(beginning + data):
            parse((beginning + data)[:size])
    except ProxyHeaderError:
        pass
