"""Files that were compressed beforehand: `style.css.br` beside `style.css` (RFC 9110, section 8.4.1)."""

import os
from collections.abc import Callable

from pyframework.web._errors import HTTPError

SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}  # the best first


def accepted_codings(header: str) -> list[str]:
    """Return those of `SUFFIXES` that an Accept-Encoding header allows (RFC 9110, section 12.5.3)."""
    weights: dict[str, bool] = {}
    for item in header.lower().split(","):
        coding, _, parameter = item.partition(";")
        weight = parameter.strip().removeprefix("q=").strip("0.")
        weights[coding.strip()] = not parameter or bool(weight)
    return [coding for coding in SUFFIXES if weights.get(coding, weights.get("*", False))]


def sibling_of(
    path: str, modified: float, codings: list[str], check: Callable[[str], tuple[str, os.stat_result]]
) -> tuple[str, str, os.stat_result] | None:
    """Return coding, path and status of the best sibling, or None.

    :arg path: the plain file
    :arg modified: when that was modified; a sibling that is older is out of date
    :arg codings: as `accepted_codings` returned them
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
