"""OAuth 1.0 and 1.0a (RFC 5849)."""

import base64
import binascii
import time
import urllib.parse
import uuid
from collections.abc import Mapping
from typing import Any

from pyframework import escape
from pyframework.auth._errors import AuthError
from pyframework.auth._handler import AuthMixin
from pyframework.auth._signature import signature
from pyframework.httpclient import AsyncHTTPClient, HTTPResponse

_COOKIE = "_oauth_request_token"


class OAuthMixin(AuthMixin):
    """Signs visitors in by OAuth 1.0 or 1.0a.

    A subclass says where the other site is (``_OAUTH_REQUEST_TOKEN_URL``, ``_OAUTH_AUTHORIZE_URL``,
    ``_OAUTH_ACCESS_TOKEN_URL``; ``_OAUTH_VERSION`` is ``1.0a`` unless it is ``1.0``; ``_OAUTH_NO_CALLBACKS`` for a site
    that does not take callbacks), and overrides `_oauth_consumer_token` and `_oauth_get_user_future`.
    """

    async def authorize_redirect(
        self,
        callback_uri: str | None = None,
        extra_params: dict[str, Any] | None = None,
        http_client: AsyncHTTPClient | None = None,
    ) -> None:
        """Ask the other site for a token, and send the visitor there to allow what the application asks for.

        :arg callback_uri: where the visitor comes back to; ``oob`` shows the address instead
        :arg extra_params: added to the request for the token
        """
        if callback_uri and getattr(self, "_OAUTH_NO_CALLBACKS", False):
            raise Exception("This service does not support oauth_callback")
        client = http_client or self.get_auth_http_client()
        if self._version() == "1.0a":
            url = self._oauth_request_token_url(callback_uri=callback_uri, extra_params=extra_params)
        else:
            url = self._oauth_request_token_url()
        response = await client.fetch(url)
        self._on_request_token(self._OAUTH_AUTHORIZE_URL, callback_uri, response)  # type: ignore[attr-defined]

    async def get_authenticated_user(self, http_client: AsyncHTTPClient | None = None) -> dict[str, Any]:
        """Return the user who came back, with ``access_token`` for further requests.

        :raises AuthError: the visitor did not begin here, or the other site does not know the user
        """
        handler = self._handler
        token = self._request_token(handler.get_argument("oauth_token"), handler.get_cookie(_COOKIE))
        handler.clear_cookie(_COOKIE)
        verifier = handler.get_argument("oauth_verifier", None)
        if verifier:
            token["verifier"] = verifier
        client = http_client or self.get_auth_http_client()
        response = await client.fetch(self._oauth_access_token_url(token))
        access_token = _token_in(response.body)
        user = await self._oauth_get_user_future(access_token)
        if not user:
            raise AuthError("Error getting user")
        user["access_token"] = access_token
        return user

    def _request_token(self, key: str, cookie: str | None) -> dict[str, Any]:
        if not cookie:
            raise AuthError("Missing OAuth request token cookie")
        try:
            cookie_key, secret = (base64.b64decode(escape.utf8(part)) for part in cookie.split("|"))
        except (ValueError, binascii.Error) as error:
            raise AuthError("Malformed OAuth request token cookie") from error
        if cookie_key != escape.utf8(key):
            raise AuthError("Request token does not match cookie")
        return {"key": cookie_key, "secret": secret}

    def _on_request_token(self, authorize_url: str, callback_uri: str | None, response: HTTPResponse) -> None:
        handler = self._handler
        token = _token_in(response.body)
        parts = (base64.b64encode(escape.utf8(token[name])).decode() for name in ("key", "secret"))
        handler.set_cookie(_COOKIE, "|".join(parts))
        query = {"oauth_token": token["key"]}
        if callback_uri == "oob":
            handler.finish(f"{authorize_url}?{urllib.parse.urlencode(query)}")
            return
        if callback_uri:
            query["oauth_callback"] = urllib.parse.urljoin(handler.request.full_url(), callback_uri)
        handler.redirect(f"{authorize_url}?{urllib.parse.urlencode(query)}")

    def _oauth_request_token_url(
        self, callback_uri: str | None = None, extra_params: dict[str, Any] | None = None
    ) -> str:
        more: dict[str, Any] = {}
        if self._version() == "1.0a":
            if callback_uri == "oob":
                more["oauth_callback"] = "oob"
            elif callback_uri:
                more["oauth_callback"] = urllib.parse.urljoin(self._handler.request.full_url(), callback_uri)
            more.update(extra_params or {})
        return self._signed_url(self._OAUTH_REQUEST_TOKEN_URL, more, None)  # type: ignore[attr-defined]

    def _oauth_access_token_url(self, request_token: dict[str, Any]) -> str:
        more = {"oauth_token": request_token["key"]}
        if "verifier" in request_token:
            more["oauth_verifier"] = request_token["verifier"]
        return self._signed_url(self._OAUTH_ACCESS_TOKEN_URL, more, request_token)  # type: ignore[attr-defined]

    def _signed_url(self, url: str, more: dict[str, Any], token: dict[str, Any] | None) -> str:
        parameters = {**self._protocol_parameters(), **more}
        parameters["oauth_signature"] = self._signature("GET", url, parameters, token)
        return f"{url}?{urllib.parse.urlencode(parameters)}"

    def _oauth_request_parameters(
        self, url: str, access_token: dict[str, Any], parameters: Mapping[str, Any] = {}, method: str = "GET"
    ) -> dict[str, Any]:
        """Return the parameters that sign a request; `parameters` are all others that will be sent with it."""
        own = {**self._protocol_parameters(), "oauth_token": access_token["key"]}
        own["oauth_signature"] = self._signature(method, url, {**own, **parameters}, access_token)
        return {name: escape.to_basestring(value) for name, value in own.items()}

    def _protocol_parameters(self) -> dict[str, Any]:
        return {
            "oauth_consumer_key": self._oauth_consumer_token()["key"],
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": str(int(time.time())),
            "oauth_nonce": uuid.uuid4().hex,
            "oauth_version": "1.0",
        }

    def _signature(self, method: str, url: str, parameters: dict[str, Any], token: dict[str, Any] | None) -> bytes:
        return signature(self._oauth_consumer_token(), method, url, parameters, token, self._version())

    def _version(self) -> str:
        return getattr(self, "_OAUTH_VERSION", "1.0a")

    def _oauth_consumer_token(self) -> dict[str, Any]:
        """Override to return the application's ``key`` and ``secret``."""
        raise NotImplementedError

    async def _oauth_get_user_future(self, access_token: dict[str, Any]) -> dict[str, Any]:
        """Override to return what is known of the user whom `access_token` stands for."""
        raise NotImplementedError


def _token_in(body: bytes) -> dict[str, Any]:
    """Read a token (RFC 5849, section 2.1): ``key``, ``secret``, and what else the other site says."""
    fields = dict(urllib.parse.parse_qsl(escape.native_str(body), keep_blank_values=True))
    try:
        return {"key": fields.pop("oauth_token"), "secret": fields.pop("oauth_token_secret"), **fields}
    except KeyError as error:
        raise AuthError(f"the other site sent no token: {error} is missing") from error
