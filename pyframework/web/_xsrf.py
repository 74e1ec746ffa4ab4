"""Protection against forged form submissions by a token that must come twice: as a cookie and as an argument.

The token itself is random bytes. Version 1 is its hex digits. Version 2, `2|<mask>|<masked token>|<time>`,
hides it under a new random mask in each response, so that compression does not leak it.
"""

import binascii
import hmac
import os
import time
from typing import Any

from pyframework import escape, web
from pyframework.escape import native_str, utf8
from pyframework.util import _websocket_mask
from pyframework.web._arguments import ArgumentsMixin
from pyframework.web._cookies import CookiesMixin
from pyframework.web._errors import HTTPError
from pyframework.web._signed import _get_version

RawToken = tuple[int | None, bytes, float]

_COOKIE_DAYS = 30


class XsrfMixin(CookiesMixin, ArgumentsMixin):
    """What a `RequestHandler` does with xsrf tokens."""

    # Not there until asked for.
    _xsrf_token: bytes
    _raw_xsrf_token: RawToken

    @property
    def xsrf_token(self) -> bytes:
        """The token for this user's forms, ASCII; reading it sets the cookie if the client has none.

        Settings: `xsrf_cookie_version`, `xsrf_cookie_name`, `xsrf_cookie_kwargs` (as for `set_cookie`).
        """
        if not hasattr(self, "_xsrf_token"):
            settings = self.application.settings
            version, token, timestamp = self._get_raw_xsrf_token()
            self._xsrf_token = _encode_token(settings.get("xsrf_cookie_version", 2), token, timestamp)
            if version is None:
                self._send_xsrf_cookie(self._xsrf_token)
        return self._xsrf_token

    def _send_xsrf_cookie(self, token: bytes) -> None:
        settings = self.application.settings
        options: dict[str, Any] = dict(settings.get("xsrf_cookie_kwargs", {}))
        if self.current_user:
            options.setdefault("expires_days", _COOKIE_DAYS)
        self.set_cookie(settings.get("xsrf_cookie_name", "_xsrf"), token, **options)

    def _get_raw_xsrf_token(self) -> RawToken:
        """Return the version, the bytes and the time of the client's token.

        The version is None for a token that is new with this request.
        """
        if not hasattr(self, "_raw_xsrf_token"):
            cookie = self.get_cookie(self.application.settings.get("xsrf_cookie_name", "_xsrf"))
            version, token, timestamp = self._decode_xsrf_token(cookie) if cookie else (None, None, None)
            if token is None or timestamp is None:
                version, token, timestamp = None, os.urandom(16), time.time()
            self._raw_xsrf_token = (version, token, timestamp)
        return self._raw_xsrf_token

    def _decode_xsrf_token(self, cookie: str) -> tuple[int | None, bytes | None, float | None]:
        """Return the version, the bytes and the time of an encoded token; three None for a malformed one."""
        encoded = utf8(cookie)
        try:
            if _get_version(encoded) == 1 and not encoded.startswith(b"1|"):
                return 1, _decode_token_v1(encoded), int(time.time())
            version, mask, masked, timestamp = encoded.split(b"|")
            if version != b"2":
                raise ValueError("unknown version")
            token = _websocket_mask(binascii.a2b_hex(mask), binascii.a2b_hex(masked))
            return 2, token, int(timestamp)
        except ValueError as error:
            web.gen_log.debug("Malformed xsrf token %r: %s", encoded, error)
            return None, None, None

    def check_xsrf_cookie(self) -> None:
        """Raise an HTTPError (403) unless the request carries its cookie's token a second time.

        That is in the argument `_xsrf` or in the header X-XSRFToken or X-CSRFToken.
        """
        headers = self.request.headers
        given = self.get_argument("_xsrf", None) or headers.get("X-Xsrftoken") or headers.get("X-Csrftoken")
        if not given:
            raise HTTPError(403, "'_xsrf' argument missing from POST")
        _, token, _ = self._decode_xsrf_token(given)
        _, expected, _ = self._get_raw_xsrf_token()
        if not token:
            raise HTTPError(403, "'_xsrf' argument has invalid format")
        if not hmac.compare_digest(token, expected):
            raise HTTPError(403, "XSRF cookie does not match POST argument")

    def xsrf_form_html(self) -> str:
        """Return the hidden input element with the token that each POST form needs."""
        return f'<input type="hidden" name="_xsrf" value="{native_str(escape.xhtml_escape(self.xsrf_token))}"/>'


def _encode_token(version: int, token: bytes, timestamp: float) -> bytes:
    if version == 1:
        return binascii.b2a_hex(token)
    if version != 2:
        raise ValueError(f"unknown xsrf cookie version {version}")
    mask = os.urandom(4)
    masked = _websocket_mask(mask, token)
    return b"2|%b|%b|%d" % (binascii.b2a_hex(mask), binascii.b2a_hex(masked), int(timestamp))


def _decode_token_v1(encoded: bytes) -> bytes:
    try:
        return binascii.a2b_hex(encoded)
    except binascii.Error:
        return encoded
