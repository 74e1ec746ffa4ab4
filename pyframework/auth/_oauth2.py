"""OAuth 2.0 (RFC 6749)."""

from typing import Any

from pyframework.auth._handler import AuthMixin
from pyframework.httputil import url_concat


class OAuth2Mixin(AuthMixin):
    """Signs visitors in by OAuth 2.0. A subclass says where: ``_OAUTH_AUTHORIZE_URL``, ``_OAUTH_ACCESS_TOKEN_URL``."""

    def authorize_redirect(
        self,
        redirect_uri: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        extra_params: dict[str, Any] | None = None,
        scope: list[str] | None = None,
        response_type: str = "code",
    ) -> None:
        """Send the visitor to the other site to allow what the application asks for (RFC 6749, section 4.1.1).

        :arg redirect_uri: where the visitor comes back to
        :arg client_id: the application's
        :arg client_secret: not sent
        :arg extra_params: more parameters
        :arg scope: what is asked for
        """
        parameters: dict[str, Any] = {"response_type": response_type}
        if redirect_uri is not None:
            parameters["redirect_uri"] = redirect_uri
        if client_id is not None:
            parameters["client_id"] = client_id
        parameters.update(extra_params or {})
        if scope:
            parameters["scope"] = " ".join(scope)
        self._handler.redirect(url_concat(self._OAUTH_AUTHORIZE_URL, parameters))  # type: ignore[attr-defined]

    def _oauth_request_token_url(
        self,
        redirect_uri: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        code: str | None = None,
        extra_params: dict[str, Any] | None = None,
    ) -> str:
        given = {"redirect_uri": redirect_uri, "code": code, "client_id": client_id, "client_secret": client_secret}
        parameters = {name: value for name, value in given.items() if value is not None}
        return url_concat(
            self._OAUTH_ACCESS_TOKEN_URL,  # type: ignore[attr-defined]
            {**parameters, **(extra_params or {})},
        )

    async def oauth2_request(
        self, url: str, access_token: str | None = None, post_args: dict[str, Any] | None = None, **args: Any
    ) -> Any:
        """Ask the other site for JSON in the user's name.

        :arg access_token: sent as a parameter of that name
        :arg post_args: sent as a form by POST, if they are given
        :arg args: parameters of the query
        :raises HTTPClientError: the answer has an error's status
        """
        token = {"access_token": access_token} if access_token else {}
        return await self._ask(url, {**token, **args}, post_args)
