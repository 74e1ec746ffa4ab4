"""The first line of a message (RFC 9112 sections 3 and 4) as a tuple, and its parser."""

from typing import NamedTuple

from pyframework.httputil._abnf import _ABNF
from pyframework.httputil._errors import HTTPInputError


class RequestStartLine(NamedTuple):
    """`path` is the whole request target, with the query if there is one."""

    method: str
    path: str
    version: str


class ResponseStartLine(NamedTuple):
    version: str
    code: int
    reason: str


def parse_request_start_line(line: str) -> RequestStartLine:
    """Split `GET /path HTTP/1.1`; raises HTTPInputError for another shape or a version that is not 1.x."""
    match = _ABNF.request_line.fullmatch(line)
    if match is None:
        raise HTTPInputError("Malformed HTTP request line")
    method, path, version = match.groups()
    return RequestStartLine(method, path, _supported(version))


def parse_response_start_line(line: str) -> ResponseStartLine:
    """Split `HTTP/1.1 200 OK`; raises HTTPInputError for another shape or a version that is not 1.x.

    The reason is None where the line ends with the blank behind the code.
    """
    match = _ABNF.status_line.fullmatch(line)
    if match is None:
        raise HTTPInputError("Malformed HTTP status line")
    version, code, reason = match.groups()
    return ResponseStartLine(_supported(version), int(code), reason)


def _supported(version: str) -> str:
    if not version.startswith("HTTP/1."):
        raise HTTPInputError(f"Unexpected HTTP version {version!r}")
    return version
