"""Signing in with callbacks: an AuthError is logged, and the callback gets None."""

from collections.abc import Callable
from typing import Any

from pyframework import auth
from pyframework.auth import AuthError
from pyframework.gen import convert_yielded
from pyframework.ioloop import IOLoop
from pyframework.legacy._arguments import replace
from pyframework.legacy._delivery import deliver_end, delivering
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
        except AuthError as error:
            gen_log.warning(str(error))
            result = None
        callback(result)

    future = convert_yielded(waited)
    IOLoop.current().add_future(future, on_done)
    return future


def install() -> None:
    for kind, name, old in _ASKING:
        replace(kind, name, old, delivering(f"{kind.__name__}.{name}", _deliver_user))
    for kind, name, old in _REDIRECTING:
        replace(kind, name, old, delivering(f"{kind.__name__}.{name}", deliver_end))
