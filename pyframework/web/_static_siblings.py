"""Files that were compressed beforehand: `style.css.br` beside `style.css` (RFC 9110, section 8.4.1)."""

import os
from collections.abc import Callable

from pyframework.web._errors import HTTPError

SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}  # the best first


def sibling_of(
    path: str, modified: float, codings: list[str], check: Callable[[str], tuple[str, os.stat_result]]
) -> tuple[str, str, os.stat_result] | None:
    """Return coding, path and status of the best sibling, or None.

    :arg path: the plain file
    :arg modified: when that was modified; a sibling that is older is out of date
    :arg codings: those of `SUFFIXES` that the client accepts, the best first
    :arg check: returns where a path leads and its status, or raises HTTPError if it may not be served
    """
    for coding in codings:
        try:
            found, status = check(path + SUFFIXES[coding])
        except HTTPError:
            continue
        if status.st_mtime >= modified:
            return coding, found, status
    return None
