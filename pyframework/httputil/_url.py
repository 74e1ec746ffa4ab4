"""Query strings and network locations."""

import re
from collections.abc import Iterable
from typing import AnyStr
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_HOST_AND_PORT = re.compile(r"(.+):([0-9]+)")


def url_concat(url: str, args: None | dict[str, str] | list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> str:
    """Append arguments to the query of `url`, which may have one already; a fragment stays at the end.

    >>> url_concat("/search?page=2#top", {"q": "a b"})
    '/search?page=2&q=a+b#top'

    Raises TypeError unless `args` is a dict, a list or tuple of pairs, or None.
    """
    if args is None:
        return url
    if not isinstance(args, (dict, list, tuple)):
        raise TypeError(f"'args' must be a dict, or a list or tuple of pairs, not {type(args).__name__}")
    parts = urlsplit(url)
    pairs: list[tuple[str, str]] = parse_qsl(parts.query, keep_blank_values=True)
    pairs.extend(args.items() if isinstance(args, dict) else args)
    return urlunsplit(parts._replace(query=urlencode(pairs)))


def split_host_and_port(netloc: str) -> tuple[str, int | None]:
    """Split `host:port`; without a port the second item is None."""
    match = _HOST_AND_PORT.fullmatch(netloc)
    return (match[1], int(match[2])) if match else (netloc, None)


def qs_to_qsl(qs: dict[str, list[AnyStr]]) -> Iterable[tuple[str, AnyStr]]:
    """Flatten what `parse_qs` returns into pairs."""
    return ((name, value) for name, values in qs.items() for value in values)
