"""The Cookie header, read as browsers read `document.cookie`."""

import re

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
            cookies[name] = _unquote_cookie(value)
    return cookies
