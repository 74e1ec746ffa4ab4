"""What all handlers have in common."""

import datetime

from pyframework import web

from .blog import Blog, Post


class Page(web.RequestHandler):
    def initialize(self, blog: Blog) -> None:
        self.blog = blog

    def get_current_user(self) -> str | None:
        name = self.get_signed_cookie("user")
        return None if name is None else name.decode()

    def get_template_namespace(self) -> dict[str, object]:
        return {**super().get_template_namespace(), "date": date}

    def write_error(self, status_code: int, **kwargs: object) -> None:
        self.render("error.html", status=status_code, reason=self._reason)

    async def post_of(self, id: str) -> Post:
        """Return a post, or raise the error that there is none."""
        found = await self.blog.post(int(id))
        if found is None:
            raise web.HTTPError(404)
        return found


def date(seconds: float) -> str:
    """Return a moment as RFC 3339 has it, as feeds and <time> want it."""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).isoformat()
