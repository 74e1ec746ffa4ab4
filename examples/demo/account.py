"""Signing in and out by a signed cookie."""

from pyframework import web

from .page import DAYS, Page

LONGEST_NAME = 40  # characters


class SignIn(Page):
    def get(self) -> None:
        self.render("signin.html", longest=LONGEST_NAME)

    def post(self) -> None:
        name = self.get_body_argument("name")[:LONGEST_NAME]
        if name:
            self.set_signed_cookie("user", name, expires_days=DAYS, httponly=True, samesite="Lax")
        self.redirect("/account", status=303)


class SignOut(Page):
    def post(self) -> None:
        self.clear_cookie("user")
        self.redirect("/signin", status=303)


class Account(Page):
    @web.authenticated
    def get(self) -> None:
        cookie = self.get_cookie("user", "")
        assert cookie is not None
        value, _, signature = cookie.rpartition("|")
        self.render("account.html", value=value, signature=signature)
