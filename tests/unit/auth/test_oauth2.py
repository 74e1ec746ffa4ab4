"""OAuth 2.0, Google, Facebook and OpenID against providers of our own."""

import hashlib
import hmac
import json
import urllib.parse
from typing import Any

import pytest

from pyframework.auth import AuthError, FacebookGraphMixin, GoogleOAuth2Mixin, OAuth2Mixin, OpenIdMixin
from pyframework.testing import AsyncHTTPTestCase
from pyframework.web import Application, HTTPError, RequestHandler


class Login(RequestHandler, OAuth2Mixin):
    def initialize(self, url: Any) -> None:
        self._OAUTH_AUTHORIZE_URL = url("/authorize?a=b")

    async def get(self) -> None:
        if self.get_argument("form", None):
            url = f"http://{self.request.host}/userinfo"
            self.write(await self.oauth2_request(url, "good", post_args={"q": "ä"}, more="1"))
            return
        self.authorize_redirect("http://here/?x=1", "me", "secret", {"state": "s t"}, ["one", "two"])


class UserInfo(RequestHandler):
    def post(self) -> None:
        self.write({name: self.get_argument(name) for name in ("access_token", "q", "more")})


class GoogleLogin(RequestHandler, GoogleOAuth2Mixin):
    def initialize(self, url: Any) -> None:
        self._OAUTH_ACCESS_TOKEN_URL = url("/google/token")

    async def get(self) -> None:
        ids = {"client_id": "own", "client_secret": "own"} if self.get_argument("own", None) else {}
        self.write(await self.get_authenticated_user("http://here/", self.get_argument("code"), **ids))


class GoogleToken(RequestHandler):
    def post(self) -> None:
        if self.get_body_argument("code") != "good" or self.get_body_argument("grant_type") != "authorization_code":
            raise HTTPError(400)
        self.write({"access_token": "t", "for": self.get_body_argument("client_id")})


class FacebookLogin(RequestHandler, FacebookGraphMixin):
    def initialize(self, url: Any) -> None:
        self._OAUTH_ACCESS_TOKEN_URL = url("/facebook/token?")
        self._FACEBOOK_BASE_URL = url("/facebook")

    async def get(self) -> None:
        try:
            user = await self.get_authenticated_user(
                "http://here/", "me", "secret", self.get_argument("code"), extra_fields={"age": 1}
            )
        except AuthError as error:
            self.set_status(403)
            self.write(str(error))
            return
        assert user is not None
        self.write(user)


class FacebookToken(RequestHandler):
    def get(self) -> None:
        good = self.get_argument("code") == "good" and self.get_argument("client_secret") == "secret"
        self.write({"access_token": "t", "expires_in": 60} if good else {})


class FacebookMe(RequestHandler):
    def get(self) -> None:
        proof = hmac.new(b"secret", b"t", hashlib.sha256).hexdigest()
        if self.get_argument("appsecret_proof") != proof or "age" not in self.get_argument("fields").split(","):
            raise HTTPError(400)
        self.write({"id": "7", "age": 30})


class OAuth2Test(AsyncHTTPTestCase):
    def get_app(self) -> Application:
        url = {"url": self.get_url}
        return Application(
            [
                ("/login", Login, url),
                ("/userinfo", UserInfo),
                ("/google/login", GoogleLogin, url),
                ("/google/token", GoogleToken),
                ("/facebook/login", FacebookLogin, url),
                ("/facebook/token", FacebookToken),
                ("/facebook/me", FacebookMe),
            ],
            google_oauth={"key": "key", "secret": "secret"},
        )

    def test_the_way_there(self) -> None:
        location = self.fetch("/login", follow_redirects=False).headers["Location"]
        assert urllib.parse.parse_qs(urllib.parse.urlsplit(location).query) == {
            "a": ["b"],
            "response_type": ["code"],
            "redirect_uri": ["http://here/?x=1"],
            "client_id": ["me"],
            "state": ["s t"],
            "scope": ["one two"],
        }

    def test_a_form_in_the_user_s_name(self) -> None:
        assert json.loads(self.fetch("/login?form=1").body) == {"access_token": "good", "q": "ä", "more": "1"}

    def test_google(self) -> None:
        assert json.loads(self.fetch("/google/login?code=good").body) == {"access_token": "t", "for": "key"}
        assert json.loads(self.fetch("/google/login?code=good&own=1").body)["for"] == "own"

    def test_facebook(self) -> None:
        user = json.loads(self.fetch("/facebook/login?code=good").body)
        assert (user["id"], user["age"], user["name"]) == ("7", 30, None)
        assert (user["access_token"], user["session_expires"]) == ("t", "60")
        response = self.fetch("/facebook/login?code=bad")
        assert (response.code, response.body) == (403, b"Facebook sent no access token")


class OpenIdLogin(RequestHandler, OpenIdMixin):
    def initialize(self, url: Any) -> None:
        self._OPENID_ENDPOINT = url("/openid/server")

    async def get(self) -> None:
        if self.get_argument("openid.mode", None) is None:
            self.authenticate_redirect(ax_attrs=["name", "email"])
            return
        try:
            self.write(await self.get_authenticated_user())
        except AuthError as error:
            self.set_status(403)
            self.write(str(error))


class OpenIdServer(RequestHandler):
    def post(self) -> None:
        valid = self.get_argument("openid.mode") == "check_authentication" and self.get_argument("openid.sig") == "good"
        self.write(f"ns:x\nis_valid:{str(valid).lower()}\n")


@pytest.mark.filterwarnings("ignore:OpenIdMixin is deprecated:DeprecationWarning")
class OpenIdTest(AsyncHTTPTestCase):
    def get_app(self) -> Application:
        return Application([("/login", OpenIdLogin, {"url": self.get_url}), ("/openid/server", OpenIdServer)])

    def test_the_way_there(self) -> None:
        location = self.fetch("/login", follow_redirects=False).headers["Location"]
        sent = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
        assert sent["openid.return_to"] == self.get_url("/login") and sent["openid.realm"] == self.get_url("/")
        assert sent["openid.ax.required"] == "email,firstname,fullname,lastname"
        assert sent["openid.ax.type.email"] == "http://axschema.org/contact/email"

    def test_who_came_back(self) -> None:
        said = {
            "openid.mode": "id_res",
            "openid.sig": "good",
            "openid.claimed_id": "http://me",
            "openid.ns.ext1": "http://openid.net/srv/ax/1.0",
            "openid.ext1.type.a": "http://axschema.org/namePerson/first",
            "openid.ext1.value.a": "Ada",
            "openid.ext1.type.b": "http://axschema.org/namePerson/last",
            "openid.ext1.value.b": "L",
            "openid.ext1.type.c": "http://axschema.org/pref/language",
            "openid.ext1.value.c": "EN-GB",
        }
        user = json.loads(self.fetch(f"/login?{urllib.parse.urlencode(said)}").body)
        assert user == {
            "first_name": "Ada",
            "last_name": "L",
            "name": "Ada L",
            "locale": "en-gb",
            "claimed_id": "http://me",
        }

    def test_who_only_says_so(self) -> None:
        response = self.fetch("/login?openid.mode=id_res&openid.sig=bad")
        assert response.code == 403 and response.body.startswith(b"Invalid OpenID response")
