"""Signing up, in and out."""

from .page import Page

LONGEST_NAME, SHORTEST_PASSWORD, LONGEST_PASSWORD = 40, 8, 200  # characters
DAYS = 30


class Sign(Page):
    """A form of name and password."""

    title = path = ""

    def get(self) -> None:
        self.show()

    def show(self, fault: str = "") -> None:
        self.render("sign.html", title=self.title, fault=fault, name=self.get_body_argument("name", ""))

    def welcome(self, name: str) -> None:
        self.set_signed_cookie("user", name, expires_days=DAYS, httponly=True, samesite="Lax")
        self.redirect("/", status=303)


class SignUp(Sign):
    title = "Sign up"

    async def post(self) -> None:
        name, password = self.get_body_argument("name", ""), self.get_body_argument("password", "", strip=False)
        if not (0 < len(name) <= LONGEST_NAME and SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD):
            self.set_status(400)
            self.show(f"A name has up to {LONGEST_NAME} characters, a password at least {SHORTEST_PASSWORD}.")
        elif await self.blog.add_user(name, password):
            self.welcome(name)
        else:
            self.set_status(409)
            self.show("Somebody has this name already.")


class SignIn(Sign):
    title = "Sign in"

    async def post(self) -> None:
        name, password = self.get_body_argument("name", ""), self.get_body_argument("password", "", strip=False)
        if len(password) <= LONGEST_PASSWORD and await self.blog.knows(name, password):
            self.welcome(name)
        else:
            self.set_status(403)
            self.show("No such name and password.")


class SignOut(Page):
    def post(self) -> None:
        self.clear_cookie("user")
        self.redirect("/", status=303)
