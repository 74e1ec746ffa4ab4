"""Escaping and unescaping for HTML, JSON, URLs and query strings, and the str/bytes conversions that go with them."""

import html
import json
import json.encoder
import re
import urllib.parse
from collections.abc import Callable
from typing import Any, overload

from pyframework._core.escape import xhtml_escape as xhtml_escape
from pyframework._core.forms import fields
from pyframework._core.urls import url_escape as url_escape
from pyframework._core.urls import url_unescape as url_unescape

_WHITESPACE = re.compile(r"[\x00-\x20]+")

# A link in escaped text. A run of letters, digits and "-" is looked at once, from its start, and no
# quantifier gives back what it took (save "/", at most twice), so the time is linear in the text.
_LINK = re.compile(
    r"""
    (?P<lead> (?<![\w-]) -*+ (?= [\w-]++ :/ ) | \b (?= www\. ) )
    (?P<url>
        (?: (?P<protocol> [\w-]++ ) : (?P<slashes> /{1,3} ) | www\. )
        (?:
            (?: [!"\#$%'*+,.:;<=>?@\[\]^`{|}~] | &amp; | &quot; )*+     # what may stand in a link, but not end it
            [^!"\#$%&'()*+,.:;<=>?@\[\]^`{|}~\s]++
          |
            \( (?: [^\s&()]++ | &amp; | &quot; )*+ \)
        )++
    )
    """,
    re.VERBOSE,
)
_LINK_DISPLAY_LENGTH = 30


@overload
def utf8(value: bytes) -> bytes: ...
@overload
def utf8(value: str) -> bytes: ...
@overload
def utf8(value: None) -> None: ...
def utf8(value: str | bytes | None) -> bytes | None:
    """Encode str as UTF-8; bytes and None are returned as they are.

    :raises TypeError: ``value`` is of another type
    """
    if isinstance(value, str):
        return value.encode()
    if value is None or isinstance(value, bytes):
        return value
    raise TypeError(f"expected str, bytes or None, not {type(value).__name__}")


@overload
def to_unicode(value: str) -> str: ...
@overload
def to_unicode(value: bytes) -> str: ...
@overload
def to_unicode(value: None) -> None: ...
def to_unicode(value: str | bytes | None) -> str | None:
    """Decode bytes as UTF-8; str and None are returned as they are.

    :raises TypeError: ``value`` is of another type
    :raises UnicodeDecodeError: ``value`` is not UTF-8
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(f"expected str, bytes or None, not {type(value).__name__}")


_unicode = to_unicode
native_str = to_unicode
to_basestring = to_unicode
_unquote_to_bytes = urllib.parse.unquote_to_bytes


def recursive_unicode(obj: Any) -> Any:
    """Decode, as UTF-8, all bytes in nested dicts (keys too), lists and tuples."""
    if isinstance(obj, bytes):
        return obj.decode()
    if isinstance(obj, list):
        return [recursive_unicode(item) for item in obj]
    if isinstance(obj, tuple):
        return tuple([recursive_unicode(item) for item in obj])
    if isinstance(obj, dict):
        return {recursive_unicode(key): recursive_unicode(item) for key, item in obj.items()}
    return obj


def xhtml_unescape(value: str | bytes) -> str:
    """Replace character references by what they stand for (HTML Living Standard, section 13.2.5.72)."""
    return html.unescape(to_unicode(value))


def json_encode(value: Any) -> str:
    """Serialise to JSON that is safe inside a ``<script>`` element: it never contains ``</``."""
    # "<" can only stand inside a JSON string, where "\/" is another spelling of "/".
    return _dumps(value).replace("</", "<\\/")


def _dumps(value: Any) -> str:
    """Do what `json.dumps` does, with the encoder that it would make anew for each call."""
    if _encoder is None:
        return json.dumps(value)
    try:
        return "".join(_encoder(value, 0))
    except RecursionError:  # json.dumps tells a circle from great depth
        return json.dumps(value)


def _make_encoder() -> Any:
    """Return the encoder inside of `json`, or None in a Python that has another one there."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    try:
        default, to_text = json.JSONEncoder().default, json.encoder.encode_basestring_ascii
        encoder = make(None, default, to_text, None, ": ", ", ", False, False, True)
        return encoder if "".join(encoder({"a": [1.5, None]}, 0)) == '{"a": [1.5, null]}' else None
    except (AttributeError, TypeError):
        return None


_encoder = _make_encoder()


def json_decode(value: str | bytes) -> Any:
    """Parse JSON.

    :raises ValueError: ``value`` is not JSON
    """
    return json.loads(value)


def squeeze(value: str) -> str:
    """Make each run of spaces and ASCII control characters one space, and strip the ends."""
    return _WHITESPACE.sub(" ", value).strip()


def parse_qs_bytes(
    qs: str | bytes,
    keep_blank_values: bool = False,
    strict_parsing: bool = False,
    *,
    max_num_fields: int | None = None,
) -> dict[str, list[bytes]]:
    """Parse a query string or form body into lists of undecoded values by name.

    :arg qs: ``name=value`` fields between ``&``; str must hold Latin-1 characters only
    :arg keep_blank_values: keep fields without a value
    :arg strict_parsing: refuse fields without ``=``, where they are else skipped or blank
    :arg max_num_fields: the most fields to accept
    :returns: names decoded as Latin-1, values as bytes
    :raises ValueError: strict parsing failed, there are too many fields, or ``qs`` is not Latin-1
    """
    if not qs:
        return {}
    data = qs.encode("latin-1") if isinstance(qs, str) else qs
    values: dict[str, list[bytes]] = {}
    fields(data, keep_blank_values, strict_parsing, -1 if max_num_fields is None else max_num_fields, values)
    return values


def linkify(
    text: str | bytes,
    shorten: bool = False,
    extra_params: str | Callable[[str], str] = "",
    require_protocol: bool = False,
    permitted_protocols: list[str] = ["http", "https"],
) -> str:
    """Escape plain text for HTML and make links of the URLs in it.

    :arg shorten: show long URLs cut short
    :arg extra_params: attributes for the ``<a>`` tag, or a function that returns them for a URL
    :arg require_protocol: leave ``www.example.com`` alone
    :arg permitted_protocols: make links of these only; never allow ``javascript``
    """

    def link(match: re.Match[str]) -> str:
        lead, url, protocol, slashes = match.group("lead", "url", "protocol", "slashes")
        if require_protocol if protocol is None else protocol not in permitted_protocols:
            return match[0]
        href = url if protocol is not None else f"http://{url}"
        attributes = (extra_params(href) if callable(extra_params) else extra_params).strip()
        if attributes:
            attributes = f" {attributes}"
        shown = url
        if shorten:
            shown = _shortened(url, 0 if protocol is None else len(protocol) + 1 + len(slashes))
            if shown != url:
                attributes += f' title="{href}"'
        return f'{lead}<a href="{href}"{attributes}>{shown}</a>'

    return _LINK.sub(link, xhtml_escape(text))


def _shortened(url: str, host_start: int) -> str:
    """Return a long URL as host, the first letters of its path and ``...``, if that is shorter."""
    if len(url) <= _LINK_DISPLAY_LENGTH:
        return url
    short = url
    host, slash, path = url[host_start:].partition("/")
    if slash:
        segment = path.partition("/")[0][:8]
        short = url[:host_start] + host + slash + re.split(r"[?.]", segment)[0]
    if len(short) > 1.5 * _LINK_DISPLAY_LENGTH:
        short = short[:_LINK_DISPLAY_LENGTH]
    if short == url:
        return url
    # Do not cut a character reference in two.
    reference = short.rfind("&")
    if reference > _LINK_DISPLAY_LENGTH - 5:
        short = short[:reference]
    short += "..."
    return short if len(short) < len(url) else url
