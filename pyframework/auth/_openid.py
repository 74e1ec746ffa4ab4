"""OpenID 2.0 with Attribute Exchange."""

import re
import urllib.parse
import warnings
from typing import Any

from pyframework import escape
from pyframework.auth._errors import AuthError
from pyframework.auth._handler import AuthMixin
from pyframework.httpclient import AsyncHTTPClient, HTTPResponse

_SPECIFICATION = "http://specs.openid.net/auth/2.0"
_EXCHANGE = "http://openid.net/srv/ax/1.0"
_OAUTH = "http://specs.openid.net/extensions/oauth/1.0"
_SCHEMA = "http://axschema.org/"
_VALID = re.compile(rb"^is_valid:true$", re.MULTILINE)
_ATTRIBUTES = {
    "email": "contact/email",
    "language": "pref/language",
    "username": "namePerson/friendly",
    "firstname": "namePerson/first",
    "fullname": "namePerson",
    "lastname": "namePerson/last",
}
_NAMES = ("firstname", "fullname", "lastname")


class OpenIdMixin(AuthMixin):
    """Signs visitors in by OpenID 2.0, which hardly a site speaks now. A subclass says where: ``_OPENID_ENDPOINT``."""

    def __init__(self) -> None:
        super().__init__()
        warnings.warn("OpenIdMixin is deprecated; use OAuth 2.0 or OpenID Connect", DeprecationWarning, stacklevel=2)

    def authenticate_redirect(
        self, callback_uri: str | None = None, ax_attrs: list[str] = ["name", "email", "language", "username"]
    ) -> None:
        """Send the visitor to the other site to sign in.

        :arg callback_uri: where the visitor comes back to; default here
        :arg ax_attrs: what is asked for: ``name``, ``email``, ``language``, ``username``
        """
        arguments = self._openid_args(callback_uri or self._handler.request.uri or "/", ax_attrs=ax_attrs)
        self._handler.redirect(f"{self._endpoint()}?{urllib.parse.urlencode(arguments)}")

    async def get_authenticated_user(self, http_client: AsyncHTTPClient | None = None) -> dict[str, Any]:
        """Return the user who came back, as far as the other site says anything.

        :raises AuthError: the other site does not confirm what the visitor brought
        """
        arguments = self._handler.request.arguments
        form: dict[str, str | bytes] = {name: values[-1] for name, values in arguments.items()}
        form["openid.mode"] = "check_authentication"
        client = http_client or self.get_auth_http_client()
        response = await client.fetch(self._endpoint(), method="POST", body=urllib.parse.urlencode(form))
        return self._on_authentication_verified(response)

    def _endpoint(self) -> str:
        endpoint: str = self._OPENID_ENDPOINT  # type: ignore[attr-defined]
        return endpoint

    def _openid_args(
        self, callback_uri: str, ax_attrs: list[str] = [], oauth_scope: str | None = None
    ) -> dict[str, str]:
        request = self._handler.request
        return_to = urllib.parse.urljoin(request.full_url(), callback_uri)
        anybody = f"{_SPECIFICATION}/identifier_select"
        arguments = {
            "openid.ns": _SPECIFICATION,
            "openid.mode": "checkid_setup",
            "openid.claimed_id": anybody,
            "openid.identity": anybody,
            "openid.return_to": return_to,
            "openid.realm": urllib.parse.urljoin(return_to, "/"),
        }
        if ax_attrs:
            wanted = [attribute for attribute in _ATTRIBUTES if attribute in ax_attrs]
            wanted += _NAMES if "name" in ax_attrs else ()
            arguments["openid.ns.ax"] = _EXCHANGE
            arguments["openid.ax.mode"] = "fetch_request"
            arguments["openid.ax.required"] = ",".join(wanted)
            for attribute in wanted:
                arguments[f"openid.ax.type.{attribute}"] = _SCHEMA + _ATTRIBUTES[attribute]
        if oauth_scope:
            arguments["openid.ns.oauth"] = _OAUTH
            arguments["openid.oauth.consumer"] = request.host.split(":")[0]
            arguments["openid.oauth.scope"] = oauth_scope
        return arguments

    def _on_authentication_verified(self, response: HTTPResponse) -> dict[str, Any]:
        if not _VALID.search(response.body):
            raise AuthError(f"Invalid OpenID response: {response.body!r}")
        said = {attribute: self._attribute(_SCHEMA + uri) for attribute, uri in _ATTRIBUTES.items()}
        parts = [said[name] for name in ("firstname", "lastname") if said[name]]
        user = {
            "first_name": said["firstname"],
            "last_name": said["lastname"],
            "name": said["fullname"] or " ".join(parts) or said["email"].partition("@")[0],
            "email": said["email"],
            "locale": said["language"].lower(),
            "username": said["username"],
            "claimed_id": self._handler.get_argument("openid.claimed_id", ""),
        }
        return {name: value for name, value in user.items() if value}

    def _attribute(self, uri: str) -> str:
        """Return what the visitor brought as the attribute of this type."""
        handler = self._handler
        names = [escape.native_str(name) for name in handler.request.arguments]
        for space in names:
            if space.startswith("openid.ns.") and handler.get_argument(space) == _EXCHANGE:
                prefix = f"openid.{space.removeprefix('openid.ns.')}"
                for name in names:
                    if name.startswith(f"{prefix}.type.") and handler.get_argument(name) == uri:
                        alias = name.removeprefix(f"{prefix}.type.")
                        return handler.get_argument(f"{prefix}.value.{alias}", "")
        return ""
