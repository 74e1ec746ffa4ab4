"""Cookies of the request and of the response, plain and signed (RFC 6265)."""

import datetime
import http.cookies
import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pyframework import httputil, web
from pyframework.escape import native_str
from pyframework.httputil._cookies import is_cookie, morsel_attributes, put_cookie
from pyframework.web._user import UserMixin

if TYPE_CHECKING:
    from pyframework.httputil import HTTPServerRequest

_FORBIDDEN_IN_VALUE = re.compile(r"[\x00-\x20]")
_FORBIDDEN_IN_ATTRIBUTE = re.compile(r"[\x00-\x20\x3b\x7f]")
_CLEARED_DAYS_AGO = 365


class CookiesMixin(UserMixin):
    """What a `RequestHandler` does with cookies."""

    request: "HTTPServerRequest"
    # Not there until a cookie is set: libraries test it with hasattr().
    _new_cookie: http.cookies.SimpleCookie
    _cookies_to_set: http.cookies.SimpleCookie | None

    @property
    def cookies(self) -> dict[str, http.cookies.Morsel[str]]:
        """The cookies of the request: `self.request.cookies`."""
        return self.request.cookies

    def get_cookie(self, name: str, default: str | None = None) -> str | None:
        """Return the value of a cookie that came with the request, or the default."""
        request = self.request
        # Morsels are not made to read one value; but once they are there, somebody may have changed them.
        if type(request) is httputil.HTTPServerRequest and "cookies" not in request.__dict__:
            value = request._cookie_values.get(name)
            return value if value is not None and is_cookie(name, value) else default
        cookies = request.cookies
        return cookies[name].value if name in cookies else default

    def set_cookie(
        self,
        name: str,
        value: str | bytes,
        domain: str | None = None,
        expires: float | tuple[Any, ...] | datetime.datetime | None = None,
        path: str = "/",
        expires_days: float | None = None,
        *,
        max_age: int | None = None,
        httponly: bool = False,
        secure: bool = False,
        samesite: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Send a cookie with the response, in place of one of this name that was set before.

        :arg name: the cookie's name
        :arg value: its value, quoted where needed
        :arg domain, path, httponly, secure, samesite: attributes of the cookie (RFC 6265, section 4.1.2)
        :arg expires: a time as `httputil.format_timestamp` takes it
        :arg expires_days: the same as days from now; `expires` wins
        :arg max_age: seconds
        :arg kwargs: further attributes; deprecated: in any case of letters
        :raises http.cookies.CookieError: name or an attribute has characters that would break the header
        :raises ValueError: value has control characters or spaces, or `max_age` is not a number
        """
        name, value = native_str(name), native_str(value)
        if _FORBIDDEN_IN_VALUE.search(value):
            raise ValueError(f"Invalid cookie {name!r}: {value!r}")
        attributes = _attributes(name, domain, path, httponly, secure, samesite)
        if kwargs:
            _check_texts(name, kwargs)
        if expires_days is not None and expires is None:
            expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=expires_days)
        cookies = self._cookies_to_set
        if cookies is None:
            cookies = self._new_cookie = http.cookies.SimpleCookie()
        cookies.pop(name, None)
        morsel: Any = put_cookie(cookies, name, value, attributes)
        if expires:
            morsel["expires"] = httputil.format_timestamp(expires)
        if max_age:
            morsel["max-age"] = str(int(max_age))
        if kwargs:
            warnings.warn(f"Deprecated arguments to set_cookie: {sorted(kwargs)}", DeprecationWarning, stacklevel=2)
            morsel.update(kwargs)

    def clear_cookie(self, name: str, **kwargs: Any) -> None:
        """Make the client forget a cookie.

        :arg name: the cookie's name
        :arg kwargs: as for `set_cookie`, without `expires` and `max_age`; `domain` and `path` must be
            those that the cookie was set with
        """
        for expiry in ("expires", "max_age"):
            if expiry in kwargs:
                raise TypeError(f"clear_cookie() got an unexpected keyword argument '{expiry}'")
        long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=_CLEARED_DAYS_AGO)
        self.set_cookie(name, value="", expires=long_ago, **kwargs)

    def clear_all_cookies(self, **kwargs: Any) -> None:
        """Make the client forget all cookies of this request; see `clear_cookie`.

        It cannot know the domain and path of each: better clear them one by one.
        """
        for name in self.request.cookies:
            self.clear_cookie(name, **kwargs)

    def set_signed_cookie(
        self,
        name: str,
        value: str | bytes,
        expires_days: float | None = 30,
        version: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Send a cookie that nobody can forge, signed with the `cookie_secret` setting.

        :arg name: the cookie's name
        :arg value: any bytes; the client can read them
        :arg expires_days: how long the client keeps it; None for this session of the browser
        :arg version: of the signature, see `create_signed_value`
        :arg kwargs: as for `set_cookie`
        """
        signed = self.create_signed_value(name, value, version=version)
        self.set_cookie(name, signed, expires_days=expires_days, **kwargs)

    set_secure_cookie = set_signed_cookie

    def create_signed_value(self, name: str, value: str | bytes, version: int | None = None) -> bytes:
        """Return a value signed with the `cookie_secret` setting, for use other than a cookie."""
        self.require_setting("cookie_secret", "secure cookies")
        settings = self.application.settings
        secret = settings["cookie_secret"]
        key_version = None
        if isinstance(secret, dict):
            key_version = settings.get("key_version")
            if key_version is None:
                raise Exception("key_version setting must be used for secret_key dicts")
        return web.create_signed_value(secret, name, value, version=version, key_version=key_version)

    def get_signed_cookie(
        self, name: str, value: str | None = None, max_age_days: float = 31, min_version: int | None = None
    ) -> bytes | None:
        """Return the value of a signed cookie of the request, or None if it is missing, old or forged.

        :arg name: the cookie's name
        :arg value: a signed value to decode instead of the cookie
        :arg max_age_days: how old the signature may be
        :arg min_version: the oldest version of signatures to accept
        """
        self.require_setting("cookie_secret", "secure cookies")
        if value is None:
            value = self.get_cookie(name)
        secret = self.application.settings["cookie_secret"]
        return web.decode_signed_value(secret, name, value, max_age_days=max_age_days, min_version=min_version)

    get_secure_cookie = get_signed_cookie

    def get_signed_cookie_key_version(self, name: str, value: str | None = None) -> int | None:
        """Return which key signed a cookie; None if it is missing or has no key version."""
        self.require_setting("cookie_secret", "secure cookies")
        if value is None:
            value = self.get_cookie(name)
        return None if value is None else web.get_signature_key_version(value)

    get_secure_cookie_key_version = get_signed_cookie_key_version


# A program has few kinds of cookies and sends them all the time.
@lru_cache(maxsize=100, typed=True)
def _attributes(name: str, domain: Any, path: Any, httponly: Any, secure: Any, samesite: Any) -> dict[str, Any]:
    texts = {"domain": domain, "path": path, "samesite": samesite}
    _check_texts(name, {"name": name, **texts})
    return morsel_attributes({**texts, "httponly": httponly, "secure": secure})


def _check_texts(name: str, texts: dict[str, Any]) -> None:
    for attribute, text in texts.items():
        if isinstance(text, str) and _FORBIDDEN_IN_ATTRIBUTE.search(text):
            raise http.cookies.CookieError(f"Invalid cookie attribute {attribute}={text!r} for cookie {name!r}")
