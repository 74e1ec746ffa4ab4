"""Signing in by way of other sites: mixins for a `RequestHandler` that visitors are sent from and come back to.

    class GoogleHandler(RequestHandler, GoogleOAuth2Mixin):
        async def get(self):
            if code := self.get_argument("code", None):
                access = await self.get_authenticated_user(redirect_uri=HERE, code=code)
                ...
            else:
                self.authorize_redirect(redirect_uri=HERE, client_id=..., scope=["profile", "email"])

What the other site refuses raises: `AuthError` for an answer that is not what was asked for, HTTPClientError for one
that has an error's status.
"""

from pyframework.auth._errors import AuthError
from pyframework.auth._facebook import FacebookGraphMixin
from pyframework.auth._google import GoogleOAuth2Mixin
from pyframework.auth._oauth1 import OAuthMixin
from pyframework.auth._oauth2 import OAuth2Mixin
from pyframework.auth._openid import OpenIdMixin
from pyframework.auth._twitter import TwitterMixin

__all__ = [
    "AuthError",
    "FacebookGraphMixin",
    "GoogleOAuth2Mixin",
    "OAuth2Mixin",
    "OAuthMixin",
    "OpenIdMixin",
    "TwitterMixin",
]
