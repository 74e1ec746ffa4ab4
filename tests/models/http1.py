"""An oracle for HTTP/1 heads and the chunked coding, written from the grammar of RFC 9110, RFC 9112 and RFC 3986.

Results are dicts in the form of tests/vectors: {"error": NAME}, or everything that was found.
"""

import re
from typing import Any

Result = dict[str, Any]

EMPTY_LINES_MAX = 4
SIZE_LINE_MAX = 4096
TRAILER_SECTION_MAX = 16384
LENGTH_MAX = 2**63 - 1

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
VALUE = rb"[\t\x20-\x7e\x80-\xff]*"
TARGET = rb"[\x21-\x7e\x80-\xff]*"
REG_NAME = rb"(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})"
IP_LITERAL = rb"\[[A-Za-z0-9\-._~!$&'()*+;=:]+\]"
HOST = rb"(?:%b|%b*)(?::[0-9]*)?" % (IP_LITERAL, REG_NAME)
AUTHORITY_FORM = rb"(?:%b|%b+):[0-9]+" % (IP_LITERAL, REG_NAME)
ORIGIN_FORM = rb"/.*"
ABSOLUTE_FORM = rb"[A-Za-z][A-Za-z0-9+\-.]*://(?:[^/?#]*@)?(?:%b|%b+)(?::[0-9]*)?(?:[/?#].*)?" % (IP_LITERAL, REG_NAME)

FLAGS = ["CHUNKED", "CLOSE", "KEEP_ALIVE", "EXPECT_CONTINUE", "UPGRADE"]


class Malformed(Exception):
    """The argument is the name of the error."""


def is_all(pattern: bytes, text: bytes) -> bool:
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def text(data: bytes) -> str:
    return data.decode("latin-1")


def read_request(data: bytes) -> Result:
    """Read the head of the request that `data` starts with."""
    try:
        lines, rest = _split_head(data, _can_start_request, "BAD_START_LINE")
        result = _read_request_line(lines[0])
        fields = [_read_field(line) for line in lines[1:]]
        _read_host(fields, result)
        _read_framing(fields, result)
    except Malformed as error:
        return {"error": error.args[0]}
    return result | {"rest": text(rest)}


def read_response(data: bytes) -> Result:
    """Read the head of the response that `data` starts with."""
    try:
        lines, rest = _split_head(data, _can_start_response, "BAD_STATUS")
        result = _read_status_line(lines[0])
        fields = [_read_field(line) for line in lines[1:]]
        _read_framing(fields, result)
    except Malformed as error:
        return {"error": error.args[0]}
    return result | {"rest": text(rest)}


def _can_start_request(data: bytes) -> bool:
    return is_all(TOKEN, data[:1])


def _can_start_response(data: bytes) -> bool:
    return b"HTTP/".startswith(data[:5])


def _split_head(data: bytes, can_start: Any, error: str) -> tuple[list[bytes], bytes]:
    empty = re.match(rb"(?:\r?\n){0,%d}" % EMPTY_LINES_MAX, data)
    assert empty is not None
    data = data[empty.end() :]
    if data in (b"", b"\r"):
        raise Malformed("AGAIN")
    if not can_start(data):
        raise Malformed(error)
    end = re.search(rb"\n\r?\n", data)
    if end is None:
        raise Malformed("AGAIN")
    lines = [line.removesuffix(b"\r") for line in data[: end.end()].split(b"\n")]
    assert lines[-2:] == [b"", b""]
    return lines[:-2], data[end.end() :]


def _read_request_line(line: bytes) -> Result:
    method, space, line = line.partition(b" ")
    if not is_all(TOKEN, method):
        raise Malformed("BAD_METHOD")
    if not space:
        raise Malformed("BAD_START_LINE")
    target, space, version = line.partition(b" ")
    if not is_all(TARGET, target):
        raise Malformed("BAD_TARGET")
    if not space:
        raise Malformed("BAD_START_LINE")
    if method == b"CONNECT":
        right = is_all(AUTHORITY_FORM, target)
    elif target == b"*":
        right = method == b"OPTIONS"
    else:
        right = is_all(ORIGIN_FORM, target) or is_all(ABSOLUTE_FORM, target)
    if not right:
        raise Malformed("BAD_TARGET")
    return {"method": text(method), "target": text(target)} | _read_version(version)


def _read_version(version: bytes) -> Result:
    if not is_all(rb"HTTP/1\.[0-9]", version):
        raise Malformed("BAD_VERSION")
    return {"version": text(version), "minor": int(version[-1:])}


def _read_status_line(line: bytes) -> Result:
    version = line[:8]
    result = _read_version(version)
    if is_all(rb"[0-9]", line[8:9]):
        raise Malformed("BAD_VERSION")
    match = re.fullmatch(rb" ([1-9][0-9]{2})(?: (%b))?" % VALUE, line[8:], re.DOTALL)
    if match is None:
        raise Malformed("BAD_STATUS")
    return result | {"status": int(match[1]), "reason": text(match[2] or b"")}


def _read_field(line: bytes) -> tuple[bytes, bytes]:
    if line[:1] in (b" ", b"\t"):
        raise Malformed("OBS_FOLD")
    name, colon, value = line.partition(b":")
    if not colon:
        raise Malformed("NO_COLON")
    if not is_all(TOKEN, name):
        raise Malformed("BAD_FIELD_NAME")
    if not is_all(VALUE, value):
        raise Malformed("BAD_FIELD_VALUE")
    return name, value.strip(b" \t")


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for other, value in fields if other.lower() == name]


def _read_host(fields: list[tuple[bytes, bytes]], result: Result) -> None:
    hosts = _values(fields, b"host")
    if not hosts and result["minor"] > 0:
        raise Malformed("NO_HOST")
    if len(hosts) > 1:
        raise Malformed("MANY_HOSTS")
    host = hosts[0] if hosts else b""
    if not is_all(HOST, host):
        raise Malformed("BAD_HOST")
    result["host"] = text(host)


def _read_framing(fields: list[tuple[bytes, bytes]], result: Result) -> None:
    lengths, codings = _values(fields, b"content-length"), _values(fields, b"transfer-encoding")
    result["content_length"] = None
    result["fields"] = [[text(name), text(value)] for name, value in fields]
    if lengths and codings:
        raise Malformed("LENGTH_AND_CODING")
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        raise Malformed("BAD_TRANSFER_CODING")
    if lengths:
        result["content_length"] = _read_length(lengths)
    words = {word.strip(b" \t").lower() for line in _values(fields, b"connection") for word in line.split(b",")}
    flags = {
        "CHUNKED": bool(codings),
        "CLOSE": b"close" in words,
        "KEEP_ALIVE": b"keep-alive" in words,
        "EXPECT_CONTINUE": b"100-continue" in [value.lower() for value in _values(fields, b"expect")],
        "UPGRADE": b"upgrade" in words,
    }
    result["flags"] = [name for name in FLAGS if flags[name]]


def _read_length(lines: list[bytes]) -> int:
    elements = {element for line in lines for element in re.split(rb",[ \t]*", line)}
    if len(elements) > 1:
        raise Malformed("MANY_CONTENT_LENGTHS")
    length = elements.pop()
    if not is_all(rb"[0-9]+", length) or int(length) > LENGTH_MAX:
        raise Malformed("BAD_CONTENT_LENGTH")
    return int(length)


class Incomplete(Exception):
    pass


class _Reader:
    """Hands out single bytes, and counts them against the limit of the current line or section."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.left = data, 0, 0

    def limit(self, left: int) -> None:
        self.left = left

    def byte(self) -> bytes:
        if self.at == len(self.data):
            raise Incomplete
        if self.left == 0:
            raise Malformed("TOO_LONG")
        self.left -= 1
        self.at += 1
        return self.data[self.at - 1 : self.at]

    def expect(self, byte: bytes, error: str) -> None:
        if self.byte() != byte:
            raise Malformed(error)


def read_chunked(data: bytes) -> Result:
    """Decode the chunked body that `data` starts with."""
    reader, body = _Reader(data), bytearray()
    try:
        while (size := _read_size_line(reader)) > 0:
            chunk = data[reader.at : reader.at + size]
            body += chunk
            reader.at += len(chunk)
            reader.limit(2)
            reader.expect(b"\r", "BAD_LINE_END")
            reader.expect(b"\n", "BAD_LINE_END")
        _read_trailers(reader)
    except Malformed as error:
        return {"error": error.args[0]}
    except Incomplete:
        return {"body": text(bytes(body)), "done": False, "rest": ""}
    return {"body": text(bytes(body)), "done": True, "rest": text(data[reader.at :])}


def _read_size_line(reader: _Reader) -> int:
    reader.limit(SIZE_LINE_MAX)
    digits = b""
    while is_all(rb"[0-9A-Fa-f]", byte := reader.byte()):
        digits += byte
        if int(digits, 16) > LENGTH_MAX:
            raise Malformed("BAD_SIZE")
    if not digits:
        raise Malformed("BAD_SIZE")
    if byte == b"\n":
        raise Malformed("BAD_LINE_END")
    if byte != b"\r":
        _read_extension(reader, byte)
    reader.expect(b"\n", "BAD_LINE_END")
    return int(digits, 16)


def _read_extension(reader: _Reader, byte: bytes) -> None:
    while byte in (b" ", b"\t"):
        byte = reader.byte()
    if byte != b";":
        raise Malformed("BAD_SIZE")
    while (byte := reader.byte()) != b"\r":
        if not is_all(VALUE, byte):
            raise Malformed("BAD_LINE_END" if byte == b"\n" else "BAD_EXTENSION")


def _read_trailers(reader: _Reader) -> None:
    reader.limit(TRAILER_SECTION_MAX)
    while (byte := reader.byte()) != b"\r":
        while is_all(TOKEN, byte):
            byte = reader.byte()
            if byte == b":":
                break
        else:
            raise Malformed("BAD_TRAILER")
        while (byte := reader.byte()) != b"\r":
            if not is_all(VALUE, byte):
                raise Malformed("BAD_TRAILER")
        reader.expect(b"\n", "BAD_TRAILER")
    reader.expect(b"\n", "BAD_TRAILER")


READERS = {"request": read_request, "response": read_response, "chunked": read_chunked}
