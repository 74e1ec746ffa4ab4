from typing import Any

import pytest

from pyframework.httputil import (
    HTTPFile,
    HTTPHeaders,
    HTTPInputError,
    ParseBodyConfig,
    ParseMultipartConfig,
    ParseUrlEncodedConfig,
    parse_body_arguments,
    parse_multipart_form_data,
    set_parse_body_config,
)

FORM = "application/x-www-form-urlencoded"
FIELD = b'Content-Disposition: form-data; name="a"\r\n'
FILE = b'Content-Disposition: form-data; name="a"; filename="f"\r\n'


def body(content_type: str, data: bytes, headers: HTTPHeaders | None = None, **kwargs: Any) -> tuple[Any, Any]:
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    parse_body_arguments(content_type, data, arguments, files, headers, **kwargs)
    return arguments, files


def multipart(data: bytes, boundary: bytes = b"x", **limits: Any) -> tuple[Any, Any]:
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    config = ParseMultipartConfig(**limits) if limits else None
    parse_multipart_form_data(boundary, data, arguments, files, config=config)
    return arguments, files


def part(header: bytes, value: bytes = b"v") -> bytes:
    return b"--x\r\n" + header + b"\r\n" + value + b"\r\n"


def test_urlencoded() -> None:
    data = b"a=1&b=&c&=d&e=%FF&%FF=x&g=a+b;h=1&a=2"
    expected = {
        "a": [b"1", b"2"],
        "b": [b""],
        "c": [b""],
        "": [b"d"],
        "e": [b"\xff"],
        "\xff": [b"x"],
        "g": [b"a b;h=1"],
    }
    assert body(FORM, data) == (expected, {})
    assert body(FORM + "; charset=utf-8", b"a=1") == ({"a": [b"1"]}, {})
    assert body(FORM, b"") == ({}, {})


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json", "multipart/mixed; boundary=x"])
def test_other_bodies_are_left_alone(content_type: str) -> None:
    assert body(content_type, b"a=1", HTTPHeaders({"Content-Encoding": "gzip"})) == ({}, {})


@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data; boundary=x"])
def test_encoded_forms_are_refused(content_type: str) -> None:
    with pytest.raises(HTTPInputError, match="Unsupported Content-Encoding: gzip"):
        body(content_type, b"", HTTPHeaders({"Content-Encoding": "gzip"}))


def test_the_limit_on_fields() -> None:
    config = ParseBodyConfig(urlencoded=ParseUrlEncodedConfig(max_arguments=2))
    assert body(FORM, b"a=1&b=2", config=config) == ({"a": [b"1"], "b": [b"2"]}, {})
    with pytest.raises(HTTPInputError, match="Max number of fields exceeded"):
        body(FORM, b"a=1&b=2&", config=config)


def test_the_process_wide_limits() -> None:
    set_parse_body_config(ParseBodyConfig(multipart=ParseMultipartConfig(enabled=False)))
    try:
        with pytest.raises(HTTPInputError, match="disabled"):
            body("multipart/form-data; boundary=x", b"--x--")
        with pytest.raises(HTTPInputError, match="disabled"):
            multipart(b"--x--")
    finally:
        set_parse_body_config(ParseBodyConfig())


@pytest.mark.parametrize(
    "parameters", ["; boundary=x", ';boundary="x"', "; charset=z; boundary=x ; foo=bar", "; Boundary=x"]
)
def test_boundaries(parameters: str) -> None:
    assert body("multipart/form-data" + parameters, part(FIELD) + b"--x--") == ({"a": [b"v"]}, {})


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-datax"]
)
def test_no_boundary(content_type: str) -> None:
    with pytest.raises(HTTPInputError, match="Invalid multipart/form-data"):
        body(content_type, b"--x--")


def test_quoted_boundary_with_a_semicolon() -> None:
    data = (part(FIELD) + b"--x--").replace(b"--x", b"--x;y")
    assert body('multipart/form-data; boundary="x;y"', data) == ({"a": [b"v"]}, {})


@pytest.mark.parametrize(
    ("data", "arguments"),
    [
        (b"--x--", {}),
        (part(FIELD) + b"--x--", {"a": [b"v"]}),
        (part(FIELD) + part(FIELD, b"w") + b"--x--\r\njunk", {"a": [b"v", b"w"]}),
        (part(FIELD, b"") + b"--x--", {"a": [b""]}),
        (b"--x\r\n" + FIELD + b"\r\n--x--", {"a": [b""]}),
        (part(FIELD, b"a--x--b") + b"--x--", {"a": [b"a--x--b"]}),
        (part(FIELD, b"a\r\n--xy\r\nb") + b"--x--", {"a": [b"a\r\n--xy\r\nb"]}),
        (part(FIELD) + b"--x\r\n--x--", {"a": [b"v"]}),
        (part(b'Content-Disposition: form-data; name="a"; filename=""\r\n') + b"--x--", {"a": [b"v"]}),
        (part(b"Content-Type: text/plain\r\n" + FIELD, b"\xff") + b"--x--", {"a": [b"\xff"]}),
    ],
)
def test_multipart_fields(data: bytes, arguments: dict[str, list[bytes]]) -> None:
    assert multipart(data) == (arguments, {})


def test_multipart_files() -> None:
    data = part(FILE, b"1") + part(b"Content-Type: text/plain\r\n" + FILE, b"2\r\n") + b"--x--"
    arguments, files = multipart(data)
    assert arguments == {}
    first, second = files["a"]
    assert (first.filename, first.body, first.content_type) == ("f", b"1", "application/unknown")
    assert second == {"filename": "f", "body": b"2\r\n", "content_type": "text/plain"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        part(FIELD),
        b"junk\r\n" + part(FIELD) + b"--x--",
        b"--x\n" + FIELD + b"\r\nv\r\n--x--",
        b"--x\r\n" + FIELD + b"no blank line\r\n--x--",
        b"--x\r\n" + FIELD + b"\r\nno line end--x--",
        b"--x\r\n\r\n--x--",
        part(b"Content-Type: text/plain\r\n") + b"--x--",
        part(b"Content-Disposition: form-data\r\n") + b"--x--",
        part(b"Content-Disposition: form-data; name=\r\n") + b"--x--",
        part(b'Content-Disposition: attachment; name="a"\r\n') + b"--x--",
        part(b'Content-Disposition: form-data; name="\xff"\r\n') + b"--x--",
        part(FIELD + b"no colon\r\n") + b"--x--",
        part(FIELD + b" folded\r\n") + b"--x--",
        part(b"Content-Disposition: form-data; name*=%00''x\r\n") + b"--x--",
        part(b"Content-Disposition: form-data; name*1=x; name*=y\r\n") + b"--x--",
        part(b"Content-Disposition: form-data; name*" + b"1" * 5000 + b"=x\r\n") + b"--x--",
    ],
)
def test_multipart_errors(data: bytes) -> None:
    with pytest.raises(HTTPInputError):
        multipart(data)


def test_the_limit_on_parts() -> None:
    data = part(FIELD) * 3 + b"--x--"
    assert multipart(data, max_parts=4) == ({"a": [b"v"] * 3}, {})
    with pytest.raises(HTTPInputError, match="too many parts"):
        multipart(data, max_parts=3)


def test_the_limit_on_the_header_of_a_part() -> None:
    data = part(FIELD) + b"--x--"
    size = len(FIELD) - 2
    assert multipart(data, max_part_header_size=size) == ({"a": [b"v"]}, {})
    with pytest.raises(HTTPInputError, match="header too large"):
        multipart(data, max_part_header_size=size - 1)
