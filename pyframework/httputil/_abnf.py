"""The grammar rules of RFC 3986, 9110 and 9112 that are checked here, as patterns to `fullmatch` with."""

import re
from re import Pattern

_TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_FIELD_VCHAR = r"[\x21-\x7E\x80-\xFF]"
_VERSION = r"HTTP/[0-9]\.[0-9]"
_REASON = r"[\t\x20-\x7E\x80-\xFF]"
_HOST = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:\[\]]|%[0-9A-Fa-f]{2})*"


class _ABNF:
    """Each pattern bears the name of its rule, with underscores for hyphens."""

    # RFC 3986 section 3.2; `uri_host` does not check the inside of an IP literal.
    uri_unreserved: Pattern[str] = re.compile(r"[A-Za-z0-9\-._~]")
    uri_sub_delims: Pattern[str] = re.compile(r"[!$&'()*+,;=]")
    uri_pct_encoded: Pattern[str] = re.compile(r"%[0-9A-Fa-f]{2}")
    uri_host: Pattern[str] = re.compile(_HOST)
    uri_port: Pattern[str] = re.compile(r"[0-9]*")

    # RFC 5234 appendix B, RFC 9110 sections 5 and 7.2
    VCHAR: Pattern[str] = re.compile(r"[\x21-\x7E]")
    obs_text: Pattern[str] = re.compile(r"[\x80-\xFF]")
    field_vchar: Pattern[str] = re.compile(_FIELD_VCHAR)
    field_value: Pattern[str] = re.compile(rf"(?:{_FIELD_VCHAR}+(?:[\t ]+{_FIELD_VCHAR}+)*)?")
    tchar: Pattern[str] = re.compile(_TCHAR)
    token: Pattern[str] = re.compile(rf"{_TCHAR}+")
    field_name: Pattern[str] = token
    method: Pattern[str] = token
    host: Pattern[str] = re.compile(rf"{_HOST}(?::[0-9]*)?")

    # RFC 9112 sections 2.3, 3 and 4
    HTTP_version: Pattern[str] = re.compile(_VERSION)
    reason_phrase: Pattern[str] = re.compile(rf"{_REASON}+")
    request_target: Pattern[str] = re.compile(rf"{_FIELD_VCHAR}+")
    request_line: Pattern[str] = re.compile(rf"({_TCHAR}+) ({_FIELD_VCHAR}+) ({_VERSION})")
    status_code: Pattern[str] = re.compile(r"[0-9]{3}")
    status_line: Pattern[str] = re.compile(rf"({_VERSION}) ([0-9]{{3}}) ({_REASON}+)?")
