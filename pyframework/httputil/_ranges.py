"""The Range and Content-Range headers (RFC 9110 section 14) for a single range of bytes."""


def _int_or_none(val: str) -> int | None:
    val = val.strip()
    if val == "":
        return None
    if not (val.isascii() and val.isdecimal()):
        raise ValueError(f"{val!r} is not a number of bytes")
    return int(val)


def _parse_request_range(range_header: str) -> tuple[int | None, int | None] | None:
    """Read `bytes=1-2` as the bounds of a slice, (1, 3); None for anything that is not one range of bytes.

    >>> _parse_request_range("bytes=10-19")
    (10, 20)

    `bytes=-6` is (-6, None), the last six bytes; `bytes=-0` is (None, 0), nothing.
    """
    unit, _, text = range_header.partition("=")
    if unit.strip() != "bytes":
        return None
    first, _, last = text.partition("-")
    try:
        start, end = _int_or_none(first), _int_or_none(last)
    except ValueError:
        return None
    if end is None:
        return start, None
    if start is not None:
        return start, end + 1
    return (-end, None) if end else (None, 0)


def _get_content_range(start: int | None, end: int | None, total: int) -> str:
    """The Content-Range of the slice `start:end` of `total` bytes; the header counts its last byte in."""
    return f"bytes {start or 0}-{(end or total) - 1}/{total}"
