"""Facebook, by OAuth 2.0 and its Graph API."""

import hashlib
import hmac
from typing import Any

from pyframework import escape
from pyframework.auth._errors import AuthError
from pyframework.auth._oauth2 import OAuth2Mixin

_FIELDS = ("id", "name", "first_name", "last_name", "locale", "picture", "link")


class FacebookGraphMixin(OAuth2Mixin):
    """Signs visitors in by Facebook, and asks its Graph API in their name."""

    _OAUTH_ACCESS_TOKEN_URL = "https://graph.facebook.com/oauth/access_token?"
    _OAUTH_AUTHORIZE_URL = "https://www.facebook.com/dialog/oauth?"
    _OAUTH_NO_CALLBACKS = False
    _FACEBOOK_BASE_URL = "https://graph.facebook.com"

    async def get_authenticated_user(
        self,
        redirect_uri: str,
        client_id: str,
        client_secret: str,
        code: str,
        extra_fields: dict[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """Return the profile of the visitor who came back, and ``access_token`` and ``session_expires`` (seconds, str).

        :arg code: what the visitor brought
        :arg extra_fields: names of more fields of the profile
        :raises AuthError: Facebook sent no token
        """
        url = self._oauth_request_token_url(redirect_uri, client_id, client_secret, code)
        response = await self.get_auth_http_client().fetch(url)
        session = escape.json_decode(response.body)
        token = session.get("access_token")
        if not token:
            raise AuthError("Facebook sent no access token")
        proof = hmac.new(client_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        fields = {*_FIELDS, *(extra_fields or ())}
        user = await self.facebook_request(
            path="/me", access_token=token, appsecret_proof=proof, fields=",".join(sorted(fields))
        )
        if user is None:
            return None
        profile = {field: user.get(field) for field in fields}
        return {**profile, "access_token": token, "session_expires": str(session.get("expires_in"))}

    async def facebook_request(
        self, path: str, access_token: str | None = None, post_args: dict[str, Any] | None = None, **args: Any
    ) -> Any:
        """Ask the Graph API; arguments as for `oauth2_request`.

        :arg path: such as ``/me/friends``
        """
        return await self.oauth2_request(self._FACEBOOK_BASE_URL + path, access_token, post_args, **args)
