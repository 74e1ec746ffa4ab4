"""The application: which address leads to which handler, and the settings of all."""

import secrets
from pathlib import Path

from pyframework import web

from .account import Account, SignIn, SignOut
from .chat import ChatPage, ChatSocket, Room
from .figures import Figures, FiguresPage, FiguresStream, Hello
from .guestbook import Guestbook
from .page import NotFound
from .source import Source
from .upload import Upload, UploadPage

FOLDER = Path(__file__).parent


def make_app(figures: Figures) -> web.Application:
    """Return the demo. `figures` counts its requests."""
    room = Room()
    return web.Application(
        [
            (r"/", FiguresPage),
            (r"/figures", FiguresStream, {"figures": figures}),
            (r"/hello/?(\w*)", Hello),
            (r"/chat", ChatPage),
            (r"/chat/socket", ChatSocket, {"room": room}),
            (r"/upload", UploadPage),
            (r"/upload/(.+)", Upload),
            (r"/guestbook", Guestbook, {"entries": []}),
            (r"/signin", SignIn),
            (r"/signout", SignOut),
            (r"/account", Account),
        ],
        default_handler_class=NotFound,
        template_path=str(FOLDER / "templates"),
        static_path=str(FOLDER / "static"),
        ui_modules={"Source": Source},
        # A secret of this process: when it ends, its cookies mean nothing more.
        cookie_secret=secrets.token_hex(32),
        login_url="/signin",
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"httponly": True, "samesite": "Strict"},
        websocket_ping_interval=30,
        log_function=figures.count,
    )
