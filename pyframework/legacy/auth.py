"""Signing in with callbacks: what the other site refuses is logged, and the callback gets None."""

from collections.abc import Callable
from typing import Any

from pyframework import auth
from pyframework.auth import AuthError
from pyframework.gen import convert_yielded
from pyframework.httpclient import HTTPClientError
from pyframework.ioloop import IOLoop
from pyframework.legacy._arguments import replace
from pyframework.legacy._delivery import deliver_end, delivering, starting
from pyframework.legacy._notes import note
from pyframework.legacy.gen import Task
from pyframework.log import gen_log

_USER = "redirect_uri client_id client_secret code [callback] extra_fields"
_REDIRECT = "redirect_uri client_id client_secret extra_params [callback] scope response_type"

# Methods whose callback gets a user or an answer, and those that end with a redirect.
_ASKING = (
    (auth.OpenIdMixin, "get_authenticated_user", "[callback] http_client"),
    (auth.OAuthMixin, "get_authenticated_user", "[callback] http_client"),
    (auth.OAuth2Mixin, "oauth2_request", "url [callback] access_token post_args"),
    (auth.TwitterMixin, "twitter_request", "path [callback] access_token post_args"),
    (auth.GoogleOAuth2Mixin, "get_authenticated_user", "redirect_uri code [callback] client_id client_secret"),
    (auth.FacebookGraphMixin, "get_authenticated_user", _USER),
    (auth.FacebookGraphMixin, "facebook_request", "path [callback] access_token post_args"),
)
_REDIRECTING = (
    (auth.OpenIdMixin, "authenticate_redirect", "callback_uri ax_attrs [callback]"),
    (auth.OAuthMixin, "authorize_redirect", "callback_uri extra_params http_client [callback]"),
    (auth.TwitterMixin, "authenticate_redirect", "callback_uri [callback]"),
    (auth.OAuth2Mixin, "authorize_redirect", _REDIRECT),
)


def _deliver_user(waited: Any, callback: Callable[[Any], Any]) -> Any:
    def on_done(done: Any) -> None:
        try:
            result = done.result()
        except (AuthError, HTTPClientError) as error:
            gen_log.warning("%s: %s", type(error).__name__, error)
            result = None
        callback(result)

    future = convert_yielded(waited)
    IOLoop.current().add_future(future, on_done)
    return future


async def _get_user(self: Any, access_token: dict[str, Any]) -> Any:
    """Ask `_oauth_get_user`, which takes a callback, where a subclass has that."""
    get_user = getattr(self, "_oauth_get_user", None)
    if get_user is None:
        return await _no_user(self, access_token)
    note("OAuthMixin._oauth_get_user", "override _oauth_get_user_future with a coroutine")
    return await Task(get_user, access_token)


_no_user = auth.OAuthMixin._oauth_get_user_future


def install() -> None:
    auth.OAuthMixin._oauth_get_user_future = _get_user  # type: ignore[method-assign]
    for kind, name, _ in (*_ASKING, *_REDIRECTING):
        starting(kind, name)
    for kind, name, old in _ASKING:
        replace(kind, name, old, delivering(f"{kind.__name__}.{name}", _deliver_user))
    for kind, name, old in _REDIRECTING:
        replace(kind, name, old, delivering(f"{kind.__name__}.{name}", deliver_end))
