"""The application: which address leads to which handler, and the settings of all."""

from pathlib import Path

from pyframework import web

from .blog import Blog
from .posts import Edit, Feed, Index, Remove, Show
from .users import SignIn, SignOut, SignUp

FOLDER = Path(__file__).parent


class Missing(web.ErrorHandler):
    def write_error(self, status_code: int, **kwargs: object) -> None:
        self.render("error.html", status=status_code, reason=self._reason)


def make_app(blog: Blog, secret: str) -> web.Application:
    """Return the application.

    :arg secret: signs the cookies
    """
    of = {"blog": blog}
    return web.Application(
        [
            (r"/", Index, of),
            (r"/feed", Feed, of),
            (r"/posts/(\d{1,9})", Show, of),
            (r"/posts/(\d{1,9}|new)/edit", Edit, of),
            (r"/posts/(\d{1,9})/remove", Remove, of),
            (r"/signup", SignUp, of),
            (r"/signin", SignIn, of),
            (r"/signout", SignOut, of),
        ],
        default_handler_class=Missing,
        default_handler_args={"status_code": 404},
        template_path=str(FOLDER / "templates"),
        static_path=str(FOLDER / "static"),
        cookie_secret=secret,
        login_url="/signin",
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"httponly": True, "samesite": "Lax"},
    )
