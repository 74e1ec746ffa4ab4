"""The two kinds of form bodies; time and memory are linear in the size of the body, and limits come first."""

import dataclasses

from pyframework._core import forms
from pyframework.httputil._errors import HTTPInputError
from pyframework.httputil._headers import HTTPHeaders
from pyframework.httputil._parameters import _parse_header
from pyframework.util import ObjectDict

MAX_BOUNDARY_SIZE = 256  # bytes; RFC 2046 section 5.1.1 allows 70
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


class HTTPFile(ObjectDict):
    """A file of a form; its attributes are dictionary items too."""

    filename: str
    body: bytes
    content_type: str


@dataclasses.dataclass
class ParseMultipartConfig:
    """Limits on `multipart/form-data` bodies.

    :arg enabled: whether they are parsed at all
    :arg max_parts: the most pieces that the boundary may cut a body into, what stands before the first one included
    :arg max_part_header_size: the most bytes in the header of one part
    """

    enabled: bool = True
    max_parts: int = 100
    max_part_header_size: int = 10 * 1024


@dataclasses.dataclass
class ParseUrlEncodedConfig:
    """Limits on `application/x-www-form-urlencoded` bodies, and on query strings.

    :arg max_arguments: the most fields that are accepted
    """

    max_arguments: int = 1000


@dataclasses.dataclass
class ParseBodyConfig:
    """Limits on the bodies of requests."""

    multipart: ParseMultipartConfig = dataclasses.field(default_factory=ParseMultipartConfig)
    urlencoded: ParseUrlEncodedConfig = dataclasses.field(default_factory=ParseUrlEncodedConfig)


_DEFAULT_PARSE_BODY_CONFIG = ParseBodyConfig()


def default_config() -> ParseBodyConfig:
    return _DEFAULT_PARSE_BODY_CONFIG


def set_parse_body_config(config: ParseBodyConfig) -> None:
    """Set the limits for the whole process."""
    global _DEFAULT_PARSE_BODY_CONFIG
    _DEFAULT_PARSE_BODY_CONFIG = config


def parse_arguments(
    text: str | bytes, arguments: dict[str, list[bytes]], config: ParseUrlEncodedConfig
) -> None:
    """Read a query string or urlencoded body into `arguments`; raises HTTPInputError for a bad one."""
    try:
        data = text.encode("latin-1") if isinstance(text, str) else text
        forms.fields(data, True, False, config.max_arguments, arguments)
    except ValueError as error:
        raise HTTPInputError(str(error)) from error


def parse_body_arguments(
    content_type: str,
    body: bytes,
    arguments: dict[str, list[bytes]],
    files: dict[str, list[HTTPFile]],
    headers: HTTPHeaders | None = None,
    *,
    config: ParseBodyConfig | None = None,
) -> None:
    """Parse a form body into `arguments` and `files`; a body of another type is left alone.

    :arg headers: of the message; a form with a Content-Encoding is refused
    :arg config: the limits; default as set with `set_parse_body_config`

    Raises HTTPInputError for a malformed form and for one beyond the limits.
    """
    config = config or default_config()
    if not content_type.startswith(FORM_TYPES):
        return
    if headers is not None and "Content-Encoding" in headers:
        raise HTTPInputError(f"Unsupported Content-Encoding: {headers['Content-Encoding']}")
    if content_type.startswith("multipart/"):
        try:
            parse_multipart_form_data(_boundary(content_type), body, arguments, files, config=config.multipart)
        except HTTPInputError as error:
            raise HTTPInputError(f"Invalid multipart/form-data: {error}") from error
        return
    try:
        parse_arguments(body, arguments, config.urlencoded)
    except HTTPInputError as error:
        raise HTTPInputError(f"Invalid x-www-form-urlencoded body: {error}") from error


def _boundary(content_type: str) -> bytes:
    value, params = _parse_header(content_type)
    if value != "multipart/form-data":
        raise HTTPInputError(f"Unknown content type {value!r}")
    boundary = params.get("boundary")
    if not boundary:
        raise HTTPInputError("multipart boundary not found")
    return boundary.encode("latin-1", "replace")


def parse_multipart_form_data(
    boundary: bytes,
    data: bytes,
    arguments: dict[str, list[bytes]],
    files: dict[str, list[HTTPFile]],
    *,
    config: ParseMultipartConfig | None = None,
) -> None:
    """Parse a `multipart/form-data` body (RFC 7578) into `arguments` and `files`.

    :arg boundary: as in the Content-Type, quotes around it are dropped
    :arg config: the limits; default as set with `set_parse_body_config`

    Raises HTTPInputError for a malformed body and for one beyond the limits.
    """
    config = config or default_config().multipart
    if not config.enabled:
        raise HTTPInputError("multipart/form-data parsing is disabled")
    if len(boundary) >= 2 and boundary[:1] == boundary[-1:] == b'"':
        boundary = boundary[1:-1]
    if len(boundary) > MAX_BOUNDARY_SIZE:
        raise HTTPInputError(f"multipart boundary too long; the limit is {MAX_BOUNDARY_SIZE} bytes")
    try:
        parts = forms.parts(bytes(data), boundary, config.max_parts)
    except ValueError as error:
        raise HTTPInputError(str(error)) from error
    for start, stop in parts:
        _parse_part(data, start, stop, arguments, files, config.max_part_header_size)


def _parse_part(
    data: bytes,
    start: int,
    stop: int,
    arguments: dict[str, list[bytes]],
    files: dict[str, list[HTTPFile]],
    max_header_size: int,
) -> None:
    blank = data.find(b"\r\n\r\n", start, stop)
    if blank == -1:
        raise HTTPInputError("multipart/form-data missing headers")
    if blank - start > max_header_size:
        raise HTTPInputError(f"multipart/form-data part header too large; the limit is {max_header_size} bytes")
    try:
        text = data[start:blank].decode()
    except UnicodeDecodeError as error:
        raise HTTPInputError("multipart/form-data part header is not UTF-8") from error
    headers = HTTPHeaders.parse(text, _chars_are_bytes=False)
    disposition, params = _parse_header(headers.get("Content-Disposition", ""))
    if disposition != "form-data" or data[stop - 2 : stop] != b"\r\n":
        raise HTTPInputError("a part is not form-data, or does not end with a line break")
    name = params.get("name")
    if not name:
        raise HTTPInputError("multipart/form-data missing name")
    body = data[blank + 4 : stop - 2]
    if params.get("filename"):
        content_type = headers.get("Content-Type", "application/unknown")
        file = HTTPFile(filename=params["filename"], body=body, content_type=content_type)
        files.setdefault(name, []).append(file)
    else:
        arguments.setdefault(name, []).append(body)
