"""Handlers, requests, clients, WebSockets and signing in, with callbacks."""

import logging
from typing import Any

import pytest

from pyframework import gen, web
from pyframework.auth import AuthError, FacebookGraphMixin, GoogleOAuth2Mixin, OAuth2Mixin, OAuthMixin
from pyframework.httpclient import AsyncHTTPClient, HTTPRequest
from pyframework.httputil import HTTPHeaders, ResponseStartLine
from pyframework.ioloop import IOLoop
from pyframework.testing import AsyncHTTPTestCase, ExpectLog, get_unused_port
from pyframework.web import Application, RequestHandler, asynchronous
from pyframework.websocket import WebSocketHandler, websocket_connect


class Slow(RequestHandler):
    @asynchronous
    def get(self) -> None:
        self.write("one ")
        self.flush(callback=self.on_flushed)

    def on_flushed(self) -> None:
        self.write("two ")
        self.flush(False, self.finish)


class Broken(RequestHandler):
    @asynchronous
    def get(self) -> None:
        IOLoop.current().add_callback(self.fail)

    def fail(self) -> None:
        raise web.HTTPError(418)


class Raw(RequestHandler):
    @asynchronous
    def get(self) -> None:
        connection: Any = self.request.connection
        headers = HTTPHeaders({"Content-Length": "4"})
        connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), headers, b"he", self.more)

    def more(self) -> None:
        connection: Any = self.request.connection
        connection.write(b"re", callback=connection.finish)
        self._finished = True


class Socket(WebSocketHandler):
    def open(self) -> None:
        self.write_message(type(self.stream).__name__)


class SignIn(RequestHandler, FacebookGraphMixin):
    @asynchronous
    def get(self) -> None:
        if self.get_argument("code", None):
            self.get_authenticated_user("/", "id", "secret", self.get_argument("code"), self.on_user)
        else:
            self.authorize_redirect("/", "id", callback=self.on_redirect, scope=["a"])

    def on_redirect(self) -> None:
        self.application.settings["redirected"].append(True)

    def on_user(self, user: Any) -> None:
        self.finish({"user": user})

    def get_auth_http_client(self) -> Any:
        return self.application.settings["client"]


class FakeClient:
    """Answers Facebook's questions: no token for the code "bad"."""

    def fetch(self, url: str, **kwargs: Any) -> Any:
        class Response:
            body = b'{"id": "7"}' if "/me" in url else b"{}" if "bad" in url else b'{"access_token": "t"}'

        return gen.maybe_future(Response)


class HandlerTest(AsyncHTTPTestCase):
    def get_app(self) -> Any:
        rules = [("/slow", Slow), ("/broken", Broken), ("/raw", Raw), ("/ws", Socket), ("/sign", SignIn)]
        return Application(rules, redirected=[], client=FakeClient())

    def test_flush(self) -> None:
        assert self.fetch("/slow").body == b"one two "

    def test_callback_that_fails(self) -> None:
        assert self.fetch("/broken").code == 418

    def test_connection(self) -> None:
        assert self.fetch("/raw").body == b"here"

    def test_fetch(self) -> None:
        client = AsyncHTTPClient(self.io_loop)
        assert client is AsyncHTTPClient(io_loop=self.io_loop) is self.http_client
        client.fetch(self.get_url("/broken"), self.stop)
        response = self.wait()
        assert response.code == 418 and response.error.code == 418
        request = HTTPRequest(f"http://127.0.0.1:{get_unused_port()}/")
        client.fetch(request, callback=self.stop)
        response = self.wait()
        assert response.code == 599 and response.request is request
        assert client.fetch(self.get_url("/slow"), raise_error=False, callback=None) is not None

    def test_websocket(self) -> None:
        url = f"ws://127.0.0.1:{self.get_http_port()}/ws"
        by_name = {"io_loop": self.io_loop, "callback": self.stop}
        calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [((self.io_loop, self.stop), {}), ((), by_name)]
        for arguments, kwargs in calls:
            with pytest.warns(DeprecationWarning, match="callback="):
                websocket_connect(url, *arguments, **kwargs)
            connection = self.wait().result()
            assert self.io_loop.run_sync(connection.read_message) == "IOStream"
            connection.close()

    def test_signing_in(self) -> None:
        response = self.fetch("/sign", follow_redirects=False)
        assert response.code == 302 and "scope=a" in response.headers["Location"]
        self.io_loop.add_callback(self.stop)
        self.wait()
        assert self._app.settings["redirected"] == [True]
        assert b'"id": "7"' in self.fetch("/sign?code=good").body
        with ExpectLog("tornado.general", "AuthError: Facebook sent no access token", level=logging.WARNING):
            assert self.fetch("/sign?code=bad").body == b'{"user": null}'


class OneTimeSignIn(RequestHandler, OAuthMixin):
    _OAUTH_REQUEST_TOKEN_URL = _OAUTH_AUTHORIZE_URL = _OAUTH_ACCESS_TOKEN_URL = "http://127.0.0.1/"

    def _oauth_consumer_token(self) -> Any:
        return {"key": "k", "secret": "s"}

    @asynchronous
    def get(self) -> None:
        if self.get_argument("oauth_token", None):
            self.get_authenticated_user(self.finish, http_client=self)
        else:
            self.authorize_redirect(http_client=self)  # nobody waits for it

    def _oauth_get_user(self, access_token: Any, callback: Any) -> None:
        callback({"name": access_token["key"]})

    def fetch(self, url: str) -> Any:
        class Response:
            body = b"oauth_token=token&oauth_token_secret=secret"

        return gen.maybe_future(Response)


class OneTimeTest(AsyncHTTPTestCase):
    def get_app(self) -> Any:
        return Application([("/", OneTimeSignIn)])

    def test_there_and_back(self) -> None:
        response = self.fetch("/", follow_redirects=False)
        assert response.code == 302
        cookie = response.headers["Set-Cookie"].partition(";")[0]
        response = self.fetch("/?oauth_token=token", headers={"Cookie": cookie})
        assert b'"name": "token"' in response.body


def test_methods_of_auth_take_callbacks() -> None:
    assert issubclass(AuthError, Exception)
    for method in (
        OAuth2Mixin.authorize_redirect,
        OAuth2Mixin.oauth2_request,
        OAuthMixin.authorize_redirect,
        OAuthMixin.get_authenticated_user,
        GoogleOAuth2Mixin.get_authenticated_user,
        FacebookGraphMixin.facebook_request,
    ):
        assert method.__code__.co_name == "taking_old_calls"
