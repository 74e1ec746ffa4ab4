"""Twitter, by OAuth 1.0a and its API."""

from typing import Any

from pyframework.auth._oauth1 import OAuthMixin


class TwitterMixin(OAuthMixin):
    """Signs visitors in by Twitter; needs the settings ``twitter_consumer_key`` and ``twitter_consumer_secret``."""

    _OAUTH_REQUEST_TOKEN_URL = "https://api.twitter.com/oauth/request_token"
    _OAUTH_ACCESS_TOKEN_URL = "https://api.twitter.com/oauth/access_token"
    _OAUTH_AUTHORIZE_URL = "https://api.twitter.com/oauth/authorize"
    _OAUTH_AUTHENTICATE_URL = "https://api.twitter.com/oauth/authenticate"
    _OAUTH_NO_CALLBACKS = False
    _TWITTER_BASE_URL = "https://api.twitter.com/1.1"

    async def authenticate_redirect(self, callback_uri: str | None = None) -> None:
        """Do as `authorize_redirect`, but do not ask again a visitor who has allowed the application before."""
        client = self.get_auth_http_client()
        response = await client.fetch(self._oauth_request_token_url(callback_uri=callback_uri))
        self._on_request_token(self._OAUTH_AUTHENTICATE_URL, None, response)

    async def twitter_request(
        self, path: str, access_token: dict[str, Any], post_args: dict[str, Any] | None = None, **args: Any
    ) -> Any:
        """Ask Twitter's API for JSON in the user's name.

        :arg path: such as ``/statuses/user_timeline``, or a whole URL
        :arg post_args: sent as a form by POST, if they are given
        :arg args: parameters of the query
        """
        is_url = path.startswith(("http:", "https:"))
        url = path if is_url else f"{self._TWITTER_BASE_URL}{path}.json"
        if access_token:
            method = "GET" if post_args is None else "POST"
            args.update(self._oauth_request_parameters(url, access_token, {**args, **(post_args or {})}, method))
        return await self._ask(url, args, post_args)

    def _oauth_consumer_token(self) -> dict[str, Any]:
        handler = self._handler
        for name in ("key", "secret"):
            handler.require_setting(f"twitter_consumer_{name}", "Twitter OAuth")
        return {name: handler.settings[f"twitter_consumer_{name}"] for name in ("key", "secret")}

    async def _oauth_get_user_future(self, access_token: dict[str, Any]) -> dict[str, Any]:
        user: dict[str, Any] = await self.twitter_request("/account/verify_credentials", access_token)
        if user:
            user["username"] = user["screen_name"]
        return user
