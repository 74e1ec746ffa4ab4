"""What all pages have in common."""

from typing import Any

from pyframework import web
from pyframework.httputil import responses

DAYS = 1  # how long somebody stays signed in
REASONS = {
    403: "The form came without its token, so it may not have come from this site. Nothing was changed.",
    404: "There is no page at this address.",
}


class Page(web.RequestHandler):
    """A page that knows who is signed in, and shows errors in the dress of all pages."""

    def get_current_user(self) -> str | None:
        name = self.get_signed_cookie("user", max_age_days=DAYS)
        return name.decode() if name else None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        title = responses.get(status_code, "Error")
        self.render("error.html", status=status_code, title=title, reason=REASONS.get(status_code, ""))


class NotFound(Page):
    def prepare(self) -> None:
        raise web.HTTPError(404)
