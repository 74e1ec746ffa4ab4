"""Values with parameters such as `form-data; name="a"` (RFC 9110 section 5.6.6, RFC 2231, RFC 8187)."""

import re
from collections.abc import Iterator
from email.utils import collapse_rfc2231_value, decode_params, unquote
from typing import Any

from pyframework.httputil._errors import HTTPInputError

_DELIMITER = re.compile(r'\\[\\"]|[";]')


def _pieces(line: str) -> Iterator[str]:
    # Between semicolons that stand outside of quotes.
    start = 0
    quoted = False
    for match in _DELIMITER.finditer(line):
        if match[0] == '"':
            quoted = not quoted
        elif match[0] == ";" and not quoted:
            yield line[start : match.start()].strip()
            start = match.end()
    yield line[start:].strip()


def _parse_header(line: str) -> tuple[str, dict[str, str]]:
    """Split a value from its parameters; their names are lower-cased, quotes and RFC 2231 encoding removed.

    >>> _parse_header('attachment; filename="a;b"; Size=3')
    ('attachment', {'filename': 'a;b', 'size': '3'})

    Raises HTTPInputError if the RFC 2231 encoding of a parameter makes no sense.
    """
    pieces = _pieces(line)
    value = next(pieces)
    params = []
    for piece in pieces:
        name, equals, text = piece.partition("=")
        if equals:
            params.append((name.strip().lower(), text.strip()))
    try:
        # decode_params passes over its first pair.
        decoded = decode_params([("", value), *params])
        return value, {name: unquote(collapse_rfc2231_value(text)) for name, text in decoded[1:]}
    except (TypeError, ValueError) as error:
        raise HTTPInputError(f"Invalid header parameters: {error}") from error


def _encode_header(key: str, pdict: dict[str, Any]) -> str:
    """The inverse of `_parse_header`: parameters in order of their names, a bare name for the value None."""
    pieces = [name if value is None else f"{name}={value}" for name, value in sorted(pdict.items())]
    return "; ".join([key, *pieces])
