"""Who sends the request: the current user and where to log in."""

from typing import Any

from pyframework.web._settings import SettingsMixin


class UserMixin(SettingsMixin):
    """What a `RequestHandler` knows of its user."""

    # Not there until asked for.
    _current_user: Any

    @property
    def current_user(self) -> Any:
        """The authenticated user of this request, or a false value.

        Found by `get_current_user` at the first read, unless `prepare` has set it.
        """
        try:
            return self._current_user
        except AttributeError:
            self._current_user = self.get_current_user()
            return self._current_user

    @current_user.setter
    def current_user(self, value: Any) -> None:
        self._current_user = value

    def get_current_user(self) -> Any:
        """Override to find the user from a cookie or the like. Not a coroutine; see `current_user`."""
        return None

    def get_login_url(self) -> str:
        """Return the URL that `authenticated` sends unknown users to: the `login_url` setting.

        Override to choose by request.
        """
        self.require_setting("login_url", "@tornado.web.authenticated")
        login_url: str = self.application.settings["login_url"]
        return login_url
