"""Google, by OAuth 2.0."""

import urllib.parse
from typing import Any, cast

from pyframework import escape
from pyframework.auth._oauth2 import OAuth2Mixin


class GoogleOAuth2Mixin(OAuth2Mixin):
    """Signs visitors in by Google; the setting ``google_oauth`` has the application's ``key`` and ``secret``."""

    _OAUTH_AUTHORIZE_URL = "https://accounts.google.com/o/oauth2/v2/auth"
    _OAUTH_ACCESS_TOKEN_URL = "https://www.googleapis.com/oauth2/v4/token"
    _OAUTH_USERINFO_URL = "https://www.googleapis.com/oauth2/v1/userinfo"
    _OAUTH_NO_CALLBACKS = False
    _OAUTH_SETTINGS_KEY = "google_oauth"

    def get_google_oauth_settings(self) -> dict[str, str]:
        """Return the application's ``key`` and ``secret``; override if they are not in the settings."""
        return cast("dict[str, str]", self._handler.settings[self._OAUTH_SETTINGS_KEY])

    async def get_authenticated_user(
        self, redirect_uri: str, code: str, client_id: str | None = None, client_secret: str | None = None
    ) -> dict[str, Any]:
        """Return what Google answers to the code that the visitor brought: ``access_token`` and more, not the profile.

        :arg redirect_uri: as in `authorize_redirect`
        :arg client_id, client_secret: default those of the settings
        """
        if client_id is None or client_secret is None:
            settings = self.get_google_oauth_settings()
            client_id = settings["key"] if client_id is None else client_id
            client_secret = settings["secret"] if client_secret is None else client_secret
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": client_id,
            "client_secret": client_secret,
        }
        response = await self.get_auth_http_client().fetch(
            self._OAUTH_ACCESS_TOKEN_URL,
            method="POST",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urllib.parse.urlencode(form),
        )
        return cast("dict[str, Any]", escape.json_decode(response.body))
