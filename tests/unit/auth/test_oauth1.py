"""OAuth 1.0 against a provider of our own, which checks every signature by itself, and against the RFC's example."""

import base64
import hashlib
import hmac
import json
import urllib.parse
from typing import Any

import pytest

from pyframework.auth import AuthError, OAuthMixin, TwitterMixin
from pyframework.auth._signature import base_string, signature
from pyframework.httpclient import HTTPResponse
from pyframework.testing import AsyncHTTPTestCase
from pyframework.web import Application, HTTPError, RequestHandler

CONSUMER = {"key": "app&key", "secret": "app secret"}
REQUEST_TOKEN = {"key": "request/token", "secret": "r&s"}
ACCESS_TOKEN = {"key": "access token", "secret": "a=s"}


def test_the_base_string_of_the_rfc() -> None:
    # RFC 5849, section 3.4.1.1.
    parameters = {
        "b5": "=%3D",
        "a3": "a",
        "c%40": "",
        "a2": "r b",
        "oauth_consumer_key": "9djdj82h48djs9d2",
        "oauth_token": "kkk9d7dh3k39sjv7",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "137131201",
        "oauth_nonce": "7d8f3e4a",
        "c2": "",
    }
    assert base_string("post", "HTTP://EXAMPLE.com/request?ignored", parameters) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26"
        "oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26"
        "oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )


def test_the_signature_of_the_rfc() -> None:
    # RFC 5849, section 1.2: the request for the photograph.
    parameters = {
        "file": "vacation.jpg",
        "size": "original",
        "oauth_consumer_key": "dpf43f3p2l4k3l03",
        "oauth_token": "nnch734d00sl2jdk",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "137131202",
        "oauth_nonce": "chapoH",
    }
    consumer, token = {"secret": "kd94hf93k423kf44"}, {"secret": "pfkkdhi9sl3r4s00"}
    made = signature(consumer, "GET", "http://photos.example.net/photos", parameters, token, "1.0a")
    assert made == b"MdpQcU8iPSUjWoN/UDMsK2sui9I="


class Signed(RequestHandler):
    """A page of the provider: checks that the request is signed with the right secrets."""

    token_secret = ""

    def check(self) -> None:
        request = self.request
        sent = [(name, value.decode()) for name, values in request.arguments.items() for value in values]
        given = dict(sent)["oauth_signature"]
        quote = lambda text: urllib.parse.quote(text, safe="-._~")  # noqa: E731
        pairs = sorted((quote(name), quote(value)) for name, value in sent if name != "oauth_signature")
        text = "&".join(
            quote(part)
            for part in (
                request.method or "",
                f"http://{request.host}{request.path}",
                "&".join(f"{name}={value}" for name, value in pairs),
            )
        )
        key = f"{quote(CONSUMER['secret'])}&{quote(self.token_secret)}"
        expected = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()).decode()
        if given != expected or dict(sent)["oauth_consumer_key"] != CONSUMER["key"]:
            raise HTTPError(401)


def token_text(token: dict[str, str]) -> str:
    return urllib.parse.urlencode({"oauth_token": token["key"], "oauth_token_secret": token["secret"]})


class RequestToken(Signed):
    def get(self) -> None:
        self.check()
        self.write(token_text(REQUEST_TOKEN) if self.get_argument("empty", None) is None else "nothing")


class AccessToken(Signed):
    token_secret = REQUEST_TOKEN["secret"]

    def get(self) -> None:
        self.check()
        if self.get_argument("oauth_verifier") != "seen":
            raise HTTPError(401)
        self.write(token_text(ACCESS_TOKEN) + "&screen_name=somebody")


class Api(Signed):
    token_secret = ACCESS_TOKEN["secret"]

    def get(self) -> None:
        self.check()
        self.write({"screen_name": "somebody", "q": self.get_argument("q", "")})

    post = get


class Client(RequestHandler, TwitterMixin):
    def initialize(self, url: Any) -> None:
        self._OAUTH_REQUEST_TOKEN_URL = url("/request_token")
        self._OAUTH_ACCESS_TOKEN_URL = url("/access_token")
        self._OAUTH_AUTHORIZE_URL = url("/authorize")
        self._OAUTH_AUTHENTICATE_URL = url("/authenticate")
        self._TWITTER_BASE_URL = url("/api")

    async def get(self, page: str) -> None:
        try:
            if page == "login":
                await self.authorize_redirect("/back", {"x": "y z"})
            elif page == "empty":
                await self.authorize_redirect(extra_params={"empty": "1"})
            elif page == "oob":
                await self.authorize_redirect("oob")
            elif page == "post":
                self.write(await self.twitter_request("/any", ACCESS_TOKEN, {"q": "ä &"}, a="b"))
            else:
                user = await self.get_authenticated_user()
                self.write({name: value for name, value in user.items()})
        except AuthError as error:
            self.set_status(403)
            self.write(str(error))


class OAuthTest(AsyncHTTPTestCase):
    def get_app(self) -> Application:
        return Application(
            [
                ("/client/(.*)", Client, {"url": self.get_url}),
                ("/request_token", RequestToken),
                ("/access_token", AccessToken),
                ("/api/.*", Api),
            ],
            twitter_consumer_key=CONSUMER["key"],
            twitter_consumer_secret=CONSUMER["secret"],
        )

    def come_back(self, cookie: str | None, token: str = REQUEST_TOKEN["key"]) -> HTTPResponse:
        query = urllib.parse.urlencode({"oauth_token": token, "oauth_verifier": "seen"})
        return self.fetch(f"/client/back?{query}", headers={"Cookie": cookie} if cookie else None)

    def test_there_and_back(self) -> None:
        response = self.fetch("/client/login", follow_redirects=False)
        assert response.code == 302
        where = urllib.parse.urlsplit(response.headers["Location"])
        query = dict(urllib.parse.parse_qsl(where.query))
        assert where.path == "/authorize" and query["oauth_token"] == REQUEST_TOKEN["key"]
        assert query["oauth_callback"] == self.get_url("/back")
        response = self.come_back(response.headers["Set-Cookie"].split(";")[0])
        assert response.code == 200, response.body
        user = json.loads(response.body)
        assert user["username"] == "somebody"
        assert user["access_token"] == {**ACCESS_TOKEN, "screen_name": "somebody"}
        assert response.headers["Set-Cookie"].startswith('_oauth_request_token="";')

    def test_a_form_is_signed_too(self) -> None:
        assert json.loads(self.fetch("/client/post").body)["q"] == "ä &"

    def test_out_of_band(self) -> None:
        assert b"/authorize?oauth_token=request%2Ftoken" in self.fetch("/client/oob").body

    def test_no_token_from_the_provider(self) -> None:
        response = self.fetch("/client/empty", follow_redirects=False)
        assert (response.code, response.body) == (403, b"the other site sent no token: 'oauth_token' is missing")

    def test_a_visitor_who_did_not_begin_here(self) -> None:
        for cookie, token, message in [
            (None, "x", b"Missing OAuth request token cookie"),
            ("_oauth_request_token=eA==|eA==", "other", b"Request token does not match cookie"),
            ("_oauth_request_token=nonsense", "x", b"Malformed OAuth request token cookie"),
            ("_oauth_request_token=a|b|c", "x", b"Malformed OAuth request token cookie"),
        ]:
            response = self.come_back(cookie, token)
            assert (response.code, response.body) == (403, message)


def test_a_provider_without_callbacks() -> None:
    class Bare(OAuthMixin):
        _OAUTH_NO_CALLBACKS = True

    with pytest.raises(Exception, match="does not support oauth_callback"):
        Bare().authorize_redirect("/back").send(None)
