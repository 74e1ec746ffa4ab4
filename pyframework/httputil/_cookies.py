"""The Cookie header, read as browsers read `document.cookie`, and the Morsels made of it."""

import re
from collections.abc import Mapping
from functools import lru_cache
from http.cookies import CookieError, Morsel, SimpleCookie
from typing import Any


def morsel_attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a Morsel holds that is given these attributes; those that are false are not there."""
    morsel: Morsel[str] = Morsel()
    # A Morsel writes a flag whatever its value is.
    morsel.update({attribute: value for attribute, value in given.items() if value})
    # A Morsel sorts them each time it is written.
    return dict(sorted(morsel.items()))


_NO_ATTRIBUTES = morsel_attributes({})
_ESCAPED = re.compile(r"\\([0-3][0-7]{2}|.)")


def _unescaped(match: re.Match[str]) -> str:
    text = match[1]
    return text if len(text) == 1 else chr(int(text, 8))


def _unquote_cookie(s: str) -> str:
    """Take a value out of its double quotes, if it stands in some, and undo the backslashes inside."""
    if s is None or len(s) < 2 or s[0] != '"' or s[-1] != '"':
        return s
    return _ESCAPED.sub(_unescaped, s[1:-1])


def parse_cookie(cookie: str) -> dict[str, str]:
    """Read `name=value; name=value`; a value without name gets the name "", of equal names the last one counts."""
    cookies = {}
    for piece in cookie.split(";"):
        name, equals, value = piece.partition("=")
        if not equals:
            name, value = "", name
        name, value = name.strip(), value.strip()
        if name or value:
            cookies[name] = _unquote_cookie(value) if '"' in value else value
    return cookies


def put_cookie(
    cookies: SimpleCookie, name: str, value: str, attributes: dict[str, Any] = _NO_ATTRIBUTES
) -> Morsel[str]:
    """Do `cookies[name] = value` where no such name is, and return the Morsel.

    :arg attributes: what it is to have; all of them, as `morsel_attributes` gives them

    Raises CookieError for what a Morsel refuses.
    """
    # As unpickling makes it: Morsel() writes its attributes one by one.
    morsel: Morsel[str] = Morsel.__new__(Morsel)
    value, coded_value = cookies.value_encode(value)
    morsel.set(name, value, coded_value)
    dict.update(morsel, attributes)
    dict.__setitem__(cookies, name, morsel)
    return morsel


def is_cookie(name: str, value: str) -> bool:
    """Whether `put_cookie` takes this name and value."""
    return _is_cookie(name, "" if value.isprintable() else value)


# A handler asks for the same few names all the time; control characters are what a Morsel may refuse in a value.
@lru_cache(maxsize=100)
def _is_cookie(name: str, value: str) -> bool:
    try:
        put_cookie(SimpleCookie(), name, value)
    except CookieError:
        return False
    return True
